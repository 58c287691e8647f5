/** Reads the settings of an installed Deployment of hotreload. Pure. */
import type { V1Container, V1Deployment } from '@kubernetes/client-node'
import { variableOf } from '../serve/options.ts'
import type { Flag } from '../shared/flag.ts'
import { INSTALL_NAME } from '../shared/install-names.ts'

export const containerOf = (deployment: V1Deployment | undefined): V1Container | undefined =>
  deployment?.spec?.template.spec?.containers.find(({ name }) => name === INSTALL_NAME)

/** The value of a flag, or of its variable. */
export function settingOf(container: V1Container | undefined, flag: Flag): string | undefined {
  const [name = ''] = flag.flags.split(' ')
  const given = new RegExp(`${name}[ =](\\S+)`).exec((container?.args ?? []).join(' '))?.[1]
  return given ?? valueOf(container, variableOf(flag))
}

export const valueOf = (container: V1Container | undefined, variable: string): string | undefined =>
  container?.env?.find(({ name }) => name === variable)?.value
