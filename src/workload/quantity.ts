/** Kubernetes' quantities: `100m`, `16Mi`, `1e3`, `1e-3` (apimachinery, resource.Quantity). Pure. */

const MULTIPLES: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/** Characters: the API server writes every quantity shorter, 18 digits at most and a suffix. */
const LENGTH = 32

/** The number behind a quantity; NaN for text that is none or longer than any quantity. `1000m`, `1` and the number 1 are equal: the API server writes one form, a manifest any. */
export function amount(quantity: string | number): number {
  const text = String(quantity)
  if (text.length > LENGTH) return Number.NaN
  const [, digits, multiple = ''] = /^([\d.]+(?:[eE][+-]?\d+)?)(\D*)$/.exec(text) ?? []
  return Number(digits) * (multiple === '' ? 1 : (MULTIPLES[multiple] ?? Number.NaN))
}
