/** Chooses a container's reload: the annotation `reload` names a method; `auto` takes the user's other annotations first, then the preset. */
import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import { UserError } from '../../errors.ts'
import { PREFIX } from '../values/prefix.ts'
import type { Choice, ReloadSettings } from './method-row.ts'
import { methodNames, methodRow, type Reload, type ReloadMethod } from './reload-methods.ts'
import { whyNotRestarted } from './restart.ts'

export interface ReloadInput {
  container: V1Container
  spec: V1PodSpec
  settings: ReloadSettings & { reload?: ReloadMethod | 'auto' }
  /** The container's program, if it is known. */
  preset: { name: string; reload: Reload } | undefined
  /** The preset of a program that an unknown container may run. */
  resembled: string | undefined
}

export function chooseReload(request: ReloadInput): Choice<Reload> {
  const { reload = 'auto' } = request.settings
  return reload === 'auto' ? chooseAutomatically(request) : chooseMethod(reload, request)
}

function chooseMethod(
  method: ReloadMethod,
  { preset, resembled: _, ...request }: ReloadInput,
): Choice<Reload> {
  const known = preset?.reload.method === method ? preset : undefined
  return methodRow(method).choose({ ...request, preset: known })
}

/** The methods that an annotation of their own implies. */
const implying = methodNames.flatMap((method) => {
  const { annotation } = methodRow(method)
  return annotation ? [{ method, annotation }] : []
})

export const UNKNOWN_PROGRAM = 'unknown program'

/** hotreload never guesses: changes of an unknown program roll out. */
function chooseAutomatically(request: ReloadInput): Choice<Reload> {
  const { container, settings, preset } = request
  const implied = implying.filter(({ annotation }) => settings[annotation] !== undefined)
  if (implied.length > 1) {
    const keys = implied.map(({ annotation }) => PREFIX + annotation).join(' and ')
    const problem = `${keys} are ${implied.length === 2 ? 'both' : 'all'} set for container ${container.name}`
    return new UserError('HR_TWO_WAYS', problem, `say which with ${PREFIX}reload`)
  }
  if (implied[0]) return chooseMethod(implied[0].method, request)
  if (settings.process !== undefined) return chooseMethod('signal', request)
  if (preset) return { reload: preset.reload, chosenBy: `preset ${preset.name}` }
  return {
    reload: { method: 'rollout' },
    chosenBy: UNKNOWN_PROGRAM,
    note: { text: unknownProgram(request), warn: true },
  }
}

/** It does not say that changes roll out: those of a Job and of a bare Pod do not. */
function unknownProgram({ container, spec, resembled }: ReloadInput): string {
  const { name } = container
  const suffix = spec.containers.length > 1 ? `.${name}` : ''
  const restart = whyNotRestarted(container, spec) ? '' : ' or restart'
  const remedy =
    resembled === undefined
      ? `${PREFIX}preset, signal or url, or ${PREFIX}reload: none (it watches its files)${restart}`
      : `${PREFIX}preset${suffix}: ${resembled} if it is ${resembled}, which it looks like`
  return `container ${name}: set ${remedy}; no way to reload its program is known`
}
