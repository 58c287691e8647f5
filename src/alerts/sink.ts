/** Where alerts go, and how each is written there. Pure: who posts them is telemetry/alert-sink.ts. */
import { UserError } from '../errors.ts'

export interface AlertSink {
  url: URL
  /** JSON with places, see `parseTemplate`. */
  template: string
}

export interface Alert {
  reason: string
  kind: string
  namespace: string
  name: string
  message: string
}

/** What templates may name; each is put in as JSON text, so that no message can break out of its string. */
const PLACES = /\$\{(reason|kind|namespace|name|message)\}/g

/** Slack's incoming webhooks, and those that take the same. docs/alerts.md has others. */
export const defaultTemplate = '{"text":"${reason}: ${kind} ${namespace}/${name}: ${message}"}'

/**
 * Checks a template once, so that a mistake shows at the start and not at the first alert.
 * @throws UserError HR_BAD_TEMPLATE
 */
export function parseTemplate(text: string): (alert: Alert) => string {
  const render = (alert: Alert) =>
    text.replaceAll(PLACES, (_, place: keyof Alert) => JSON.stringify(alert[place]).slice(1, -1))
  const sample = { reason: '"', kind: '"', namespace: '"', name: '"', message: '"\\' }
  const unknown = /\$\{[^}]*\}/.exec(text.replaceAll(PLACES, ''))?.[0]
  try {
    JSON.parse(render(sample))
  } catch {
    throw new UserError(
      'HR_BAD_TEMPLATE',
      'alert template: not JSON once its places are filled',
      'put each ${…} inside a string',
    )
  }
  if (unknown !== undefined)
    throw new UserError(
      'HR_BAD_TEMPLATE',
      `alert template: ${unknown} is no place`,
      'use ${reason}, ${kind}, ${namespace}, ${name} and ${message}',
    )
  return render
}

/** Undefined: no URL that JSON can be posted to. Whoever says so leaves the text out, since it may hold a token. */
export function sinkUrl(text: string): URL | undefined {
  const url = URL.parse(text)
  return url?.protocol === 'https:' || url?.protocol === 'http:' ? url : undefined
}
