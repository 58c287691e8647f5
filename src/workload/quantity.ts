/** Kubernetes' quantities: `100m`, `16Mi`, `1e3`. */

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

/** `1000m`, `1` and the number 1 are one quantity: the API server writes one form of it, a manifest any (apimachinery, resource.Quantity). */
export function amount(quantity: string | number): number {
  const [, digits, multiple = ''] = /^([\d.]+(?:[eE]\d+)?)(\D*)$/.exec(String(quantity)) ?? []
  return Number(digits) * (multiple === '' ? 1 : (MULTIPLES[multiple] ?? Number.NaN))
}
