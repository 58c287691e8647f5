/**
 * Regular expressions that users write into annotations, for names of objects. Go's engine takes linear time whatever they say; ours
 * backtracks, so that expressions with which one user could keep the controller busy are refused. Pure.
 */

/** Each costs up to another factor of the name's length. */
const MOST_UNBOUNDED = 3

/** For the whole name; undefined for what is no regular expression, or not one of the simple kind. */
export function wholeNameRegex(text: string): RegExp | undefined {
  const [, ignoreCase, body = ''] = /^(\(\?i\))?(.*)$/s.exec(text) ?? []
  if (text.length > 253 || !isSimple(body)) return undefined
  try {
    return new RegExp(`^(?:${body})$`, ignoreCase ? 'ui' : 'u')
  } catch {
    return undefined
  }
}

/** No look-around, no back-references (Go has neither), nothing repeated that itself repeats or chooses. */
function isSimple(body: string): boolean {
  const plain = body.replaceAll(/\\[^1-9]/g, 'x').replaceAll(/\[(?:[^\]\\])*\]/g, 'x')
  if (/\\[1-9]|\(\?[^:]/.test(plain)) return false
  if ((plain.match(/[*+]|\{\d+,/g) ?? []).length > MOST_UNBOUNDED) return false
  // From the inside out: a group that is repeated must hold plain characters only.
  let rest = plain.replaceAll('(?:', '(')
  for (;;) {
    const group = /\(([^()]*)\)([*+?{]?)/.exec(rest)
    if (!group) return true
    const [whole, inner = '', repeat = ''] = group
    const repeated = repeat !== '' && repeat !== '?'
    if (repeated && /[*+{|?]/.test(inner)) return false
    rest = rest.replace(whole, (/[*+{|?]/.test(inner) ? '*' : 'x') + repeat)
  }
}
