/** Parsers of URLs that the agent calls. Only the Pod's loopback is allowed, so that nobody can use an annotation to call another host. */
import { UserError } from '../../errors.ts'
import { shown } from './parse.ts'
import { PREFIX } from './prefix.ts'

export interface ReloadUrl {
  httpMethod: string
  url: string
}

/** `[METHOD ]http://127.0.0.1:PORT/PATH`. The method is POST by default. */
export function reloadUrl(key: string, value: string): ReloadUrl {
  const client = `use ${PREFIX}command with an HTTP client of the app's image, e.g. curl`
  const { httpMethod, url } = localUrl(key, value, 'POST', client)
  return { httpMethod, url: `http://${url.host}${url.pathname}${url.search}` }
}

export interface HealthUrl {
  httpMethod: string
  /** An IP address. */
  host: string
  port: number
  path: string
}

/** The same form. The port is required, and the method is GET by default. */
export function healthUrl(key: string, value: string): HealthUrl {
  const validator = `use a plain URL, or leave ${key} out`
  const { httpMethod, url, text } = localUrl(key, value, 'GET', validator)
  if (!/^http:\/\/[^/?#]*:\d+([/?#]|$)/i.test(text))
    throw new UserError('HR_BAD_URL', `${key}: ${shownUrl(text)} names no port`, `use ${FORM}`)
  return {
    httpMethod,
    host: url.hostname === 'localhost' ? '127.0.0.1' : url.hostname.replaceAll(/[[\]]/g, ''),
    port: Number(url.port || 80),
    path: url.pathname + url.search,
  }
}

/**
 * The text as anybody may read it: the query of a URL may hold a token, and who reads an Event or a terminal need not be allowed to read
 * the workload.
 */
export const withoutQueries = (text: string): string =>
  text.replaceAll(/(https?:\/\/[^\s?]*)\?\S*?(?=:?(?:\s|$))/g, '$1')

const shownUrl = (text: string): string => shown(withoutQueries(text))

const FORM = '[METHOD ]http://127.0.0.1:PORT/PATH'

/** @param otherwise the remedy for what the agent can't do */
function localUrl(
  key: string,
  value: string,
  defaultMethod: string,
  otherwise: string,
): { httpMethod: string; url: URL; text: string } {
  const [, httpMethod = defaultMethod, text = ''] = /^(?:([A-Z]+) +)?(\S+)$/.exec(value.trim()) ?? []
  const url = URL.parse(text)
  const beyondTheAgent = (what: string): UserError =>
    new UserError('HR_BAD_URL', `${key}: ${shownUrl(text)} needs ${what}`, otherwise)
  if (url?.protocol === 'https:') throw beyondTheAgent('TLS, which the agent does not speak')
  if (
    !url ||
    url.protocol !== 'http:' ||
    url.port === '0' ||
    !['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].includes(httpMethod)
  )
    throw new UserError('HR_BAD_URL', `${key}: ${shownUrl(value)} is not a URL to call`, `use ${FORM}`)
  if (!/^(127(\.\d+){3}|\[::1\]|localhost)$/.test(url.hostname))
    throw new UserError(
      'HR_URL_NOT_LOCAL',
      `${key}: ${shownUrl(text)} leaves the Pod`,
      'use http://127.0.0.1:PORT/PATH',
    )
  if (url.username !== '' || url.password !== '')
    throw beyondTheAgent('a password, which the agent does not send')
  return { httpMethod, url, text }
}
