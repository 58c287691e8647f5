/**
 * Reads and writes the wire form, an AdmissionReview of admission.k8s.io/v1: unknown JSON to an AdmissionRequest, an AdmissionResponse to the text of
 * the response. It checks only the envelope; the handlers read the objects.
 */
import { UserError } from '../errors.ts'
import { isObject } from '../workload/json-object.ts'
import type { AdmissionRequest, AdmissionResponse } from './handler.ts'
import { boundWarnings, oneLine } from './warnings.ts'

/** The API server's uids have 36 characters (a UUID). We echo and log them, so a longer one is refused. */
const MAX_UID_LENGTH = 256

/** Long enough for every error of a workload at once, short enough for a terminal. */
const MAX_MESSAGE_LENGTH = 8_192

const operations: readonly AdmissionRequest['operation'][] = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT']

type Json = Record<string, unknown>

/**
 * Reads the request in a parsed body. `object` and `oldObject` are the parsed values themselves.
 * @throws UserError HR_BAD_REVIEW that names the first wrong field
 */
export function readReview(body: unknown): AdmissionRequest {
  if (!isObject(body)) throw malformed('body', body, 'an object')
  if (body['apiVersion'] !== 'admission.k8s.io/v1')
    throw malformed('apiVersion', body['apiVersion'], '"admission.k8s.io/v1"')
  if (body['kind'] !== 'AdmissionReview') throw malformed('kind', body['kind'], '"AdmissionReview"')
  const request = body['request']
  if (!isObject(request)) throw malformed('request', request, 'an object')
  const { uid, kind, operation, object, oldObject } = request
  if (typeof uid !== 'string' || uid === '' || uid.length > MAX_UID_LENGTH)
    throw malformed('request.uid', uid, `a string of 1 to ${MAX_UID_LENGTH} characters`)
  if (!isObject(kind) || typeof kind['kind'] !== 'string' || typeof kind['version'] !== 'string')
    throw malformed('request.kind', kind, 'a group, version and kind')
  const known = operations.find((one) => one === operation)
  if (known === undefined)
    throw malformed('request.operation', operation, 'CREATE, UPDATE, DELETE or CONNECT')
  if (object !== undefined && object !== null && !isObject(object))
    throw malformed('request.object', object, 'an object')
  if (oldObject !== undefined && oldObject !== null && !isObject(oldObject))
    throw malformed('request.oldObject', oldObject, 'an object')
  const read: AdmissionRequest = {
    uid,
    // The core group is the empty string, which hand-written reviews often omit.
    kind: {
      group: optionalString(kind, 'group', 'request.kind.group') ?? '',
      version: kind['version'],
      kind: kind['kind'],
    },
    operation: known,
    object: object ?? null,
    oldObject: oldObject ?? null,
  }
  const name = optionalString(request, 'name', 'request.name')
  const namespace = optionalString(request, 'namespace', 'request.namespace')
  if (name !== undefined) read.name = name
  if (namespace !== undefined) read.namespace = namespace
  if (request['dryRun'] === true) read.dryRun = true
  return read
}

/** The body of the response. A schema for fast-json-stringify was no faster on so small an object. */
export function writeReview(uid: string, answer: AdmissionResponse): string {
  const response: Json = { uid, allowed: answer.allowed }
  if (!answer.allowed)
    // Invalid (422) stops Helm, Argo CD and kubectl from retrying.
    response['status'] = {
      code: 422,
      reason: 'Invalid',
      message: (answer.message ?? 'denied by hotreload').slice(0, MAX_MESSAGE_LENGTH),
    }
  else if (answer.patch !== undefined) {
    response['patchType'] = 'JSONPatch'
    response['patch'] = answer.patch
  }
  const warnings = boundWarnings(answer.warnings)
  if (warnings.length > 0) response['warnings'] = warnings
  return JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response })
}

function malformed(field: string, value: unknown, expected: string): UserError {
  return new UserError(
    'HR_BAD_REVIEW',
    `${field}: ${show(value)} is not ${expected}`,
    'send an AdmissionReview of admission.k8s.io/v1, as the API server does',
  )
}

/** A value for a message. Long values and objects appear as their kind only, so that no content of a user's object is repeated. */
function show(value: unknown): string {
  if (typeof value === 'string')
    return value.length > 64 ? `a string of ${value.length} characters` : JSON.stringify(oneLine(value, 64))
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

function optionalString(from: Json, key: string, field: string): string | undefined {
  const value = from[key]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw malformed(field, value, 'a string')
  return value
}
