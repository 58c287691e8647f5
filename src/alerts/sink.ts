/** The places that alerts are sent to, and the text that each gets. Pure: post.ts sends it. */
import { UserError } from '../errors.ts'

export interface AlertSink {
  url: URL
  /** JSON with placeholders, see `parseTemplate`. */
  template: string
}

/** The fields of an alert, each also a placeholder. */
const fields = ['reason', 'kind', 'namespace', 'name', 'message'] as const

export type Alert = Record<(typeof fields)[number], string>

export const placeholders: readonly string[] = fields.map((field) => `\${${field}}`)

const PLACEHOLDERS = new RegExp(String.raw`\$\{(${fields.join('|')})\}`, 'g')

/** Slack's incoming webhooks accept it, and so do compatible ones. docs/alerts.md has others. */
export const defaultTemplate = '{"text":"${reason}: ${kind} ${namespace}/${name}: ${message}"}'

/**
 * Checks a template once, so that a mistake shows at the start and not at the first alert.
 * @throws UserError HR_BAD_TEMPLATE
 */
export function parseTemplate(text: string): (alert: Alert) => string {
  // Each value is put in as JSON text, so that no message can break out of its string.
  const render = (alert: Alert) =>
    text.replaceAll(PLACEHOLDERS, (_, field: keyof Alert) => JSON.stringify(alert[field]).slice(1, -1))
  const sample = { reason: '"', kind: '"', namespace: '"', name: '"', message: '"\\' }
  const unknown = /\$\{[^}]*\}/.exec(text.replaceAll(PLACEHOLDERS, ''))?.[0]
  try {
    JSON.parse(render(sample))
  } catch {
    throw new UserError(
      'HR_BAD_TEMPLATE',
      'alert template: not JSON once its placeholders are filled',
      'put each ${…} inside a string',
    )
  }
  if (unknown !== undefined)
    throw new UserError(
      'HR_BAD_TEMPLATE',
      `alert template: unknown placeholder ${unknown}`,
      `use ${placeholders.join(', ')}`,
    )
  return render
}

/**
 * Undefined: JSON can't be posted to such a URL. An error about it leaves the text out, since it may hold a token.
 * @throws UserError HR_BAD_TEMPLATE
 */
export function parseSink(address: string, template: string): AlertSink | undefined {
  const url = URL.parse(address)
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') return undefined
  parseTemplate(template)
  return { url, template }
}
