/** The errors of requests that reach no handler, and the status of each. */
import type { FastifyError } from 'fastify'
import { UserError } from '../../errors.ts'
import { CLIENT_TIMEOUT_MILLISECONDS } from './slow-clients.ts'

/** The codes of all refusals: labels of a metric, and public. */
export const refusalCodes = [
  'HR_BAD_CONTENT_TYPE',
  'HR_BAD_HTTP',
  'HR_BAD_JSON',
  'HR_BAD_REVIEW',
  'HR_BODY_TIMEOUT',
  'HR_BODY_TOO_LARGE',
  'HR_NOT_FOUND',
  'HR_OVERLOADED',
] as const

const REMEDY = 'send an AdmissionReview of admission.k8s.io/v1'

/** The whole response to a client error, for which fastify has no reply object. */
export const badHttp = [
  'HTTP/1.1 400 Bad Request',
  'Connection: close',
  'Content-Type: application/json',
  '',
  '{"code":"HR_BAD_HTTP","message":"request: not HTTP/1.1, or slower than 10 s; send it again [HR_BAD_HTTP]"}',
].join('\r\n')

export const badJson = (length: number): UserError =>
  new UserError('HR_BAD_JSON', `body: ${length === 0 ? 'empty' : `its ${length} bytes are not JSON`}`, REMEDY)

export const badEncoding = (): UserError =>
  new UserError('HR_BAD_CONTENT_TYPE', 'Content-Encoding: only identity is understood', REMEDY)

export const bodyTooLarge = (problem: string): UserError =>
  new UserError('HR_BODY_TOO_LARGE', `body: ${problem}`, 'send a smaller object')

export const bodyTimeout = (): UserError => {
  const problem = `request: its body took longer than ${CLIENT_TIMEOUT_MILLISECONDS / 1_000} s`
  return new UserError('HR_BODY_TIMEOUT', problem, 'send it at once')
}

export const overloaded = (): UserError =>
  new UserError('HR_OVERLOADED', 'too many reviews at once', 'try again in a second')

/** Of our own errors; a review that can't be read is 400. */
const statuses: Readonly<Record<string, number>> = {
  HR_BAD_CONTENT_TYPE: 415,
  HR_BODY_TIMEOUT: 408,
  HR_BODY_TOO_LARGE: 413,
  HR_OVERLOADED: 503,
}

/** The status and the error for a request that did not reach a handler. */
export function statusAndError(error: FastifyError | UserError): [number, UserError] {
  if (error instanceof UserError) return [statuses[error.code] ?? 400, error]
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE')
    return [415, new UserError('HR_BAD_CONTENT_TYPE', 'Content-Type: not application/json', REMEDY)]
  return [
    error.statusCode ?? 400,
    new UserError('HR_BAD_HTTP', `request: ${error.code ?? error.name}`, REMEDY),
  ]
}
