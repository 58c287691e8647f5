/** Reads the settings of an installed Deployment of hotreload. Pure. */
import type { V1Container, V1Deployment } from '@kubernetes/client-node'
import { variableOf } from '../serve/options.ts'
import type { Flag } from '../shared/flag.ts'
import { INSTALL_NAME } from '../shared/install-names.ts'

export const containerOf = (deployment: V1Deployment | undefined): V1Container | undefined =>
  deployment?.spec?.template.spec?.containers.find(({ name }) => name === INSTALL_NAME)

/** The value of a flag, or of its variable; `true` of a flag without a value. Of two the last one counts, as for the program. */
export function settingOf(container: V1Container | undefined, flag: Flag): string | undefined {
  const [name = ''] = flag.flags.split(' ')
  const args = container?.args ?? []
  const at = args.findLastIndex((word) => word === name || word.startsWith(`${name}=`))
  const [word, next = '-'] = at === -1 ? [] : args.slice(at)
  if (word === undefined) return valueOf(container, variableOf(flag))
  if (word !== name) return word.slice(name.length + 1)
  return next.startsWith('-') ? 'true' : next
}

export const valueOf = (container: V1Container | undefined, variable: string): string | undefined =>
  container?.env?.find(({ name }) => name === variable)?.value
