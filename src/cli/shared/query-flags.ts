/** The flags that `explain`, `doctor` and `status` share: kubectl's, and the output format. Text in, values out. */
import { UserError } from '../../errors.ts'
import type { Flag } from './flag.ts'

const outputs = ['table', 'json', 'yaml'] as const
export type Output = (typeof outputs)[number]

export interface QueryOptions {
  kubeconfig?: string
  context?: string
  namespace?: string
  output: Output
}

/** The names are kubectl's. Only --kubeconfig has a variable: KUBECONFIG. */
export const queryFlags = {
  kubeconfig: { flags: '--kubeconfig <file>', doc: 'the cluster (default: KUBECONFIG, then ~/.kube/config)' },
  context: { flags: '--context <name>', doc: "the kubeconfig's context (default: its current one)" },
  namespace: {
    flags: '-n, --namespace <namespace>',
    doc: "the namespace (default: the context's; doctor checks the workloads of all)",
  },
  output: {
    flags: '-o, --output <format>',
    doc: 'the format of the answer (default: table)',
    values: outputs,
  },
} satisfies Record<keyof QueryOptions, Flag>

export type QueryGiven = Partial<Record<keyof QueryOptions, string>>

/** @throws UserError HR_BAD_FLAG */
export function readQueryOptions(given: QueryGiven): QueryOptions {
  for (const [name, text] of Object.entries(given))
    if (text.trim() === '')
      throw new UserError('HR_BAD_FLAG', `--${name}: is empty`, 'give it a value or leave it out')
  const output = outputs.find((one) => one === (given.output ?? 'table'))
  if (output === undefined)
    throw new UserError(
      'HR_BAD_FLAG',
      `--output: ${JSON.stringify(given.output?.slice(0, 100))} is not a format`,
      `use ${outputs.join(', ')}`,
    )
  return { ...given, output }
}
