/** How many random cases the readers of what anybody may send or store are tried with: FUZZ_CASES (`make fuzz`). */
export const FUZZ_CASES = Number(process.env['FUZZ_CASES'] ?? 10_000)
