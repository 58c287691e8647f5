/**
 * Which volumes of a container are gated: the program sees a change of them only after its validator has passed it. Also the validator that
 * `validate: preset` means. Pure.
 */
import type { V1Container, V1PodSpec, V1Volume } from '@kubernetes/client-node'
import { UserError } from '../errors.ts'
import { manual } from '../manual.ts'
import { pathsBelow } from '../workload/path-search.ts'
import { normalMountPath, type Reference, references, volumeSources } from '../workload/references.ts'
import type { Note } from './methods/method-row.ts'
import { methodOf, type Reload } from './methods/reload-methods.ts'
import type { ContainerPlan } from './plan.ts'
import type { Values } from './policy.ts'
import { wordsOf } from './presets/arguments.ts'
import { isCovered } from './presets/check.ts'
import { checkOf, type PresetName } from './presets/presets.ts'
import { recognise, withoutWrappers } from './presets/recognise.ts'
import { planTrial, type Trial } from './trial/trial.ts'
import { GATED_MOUNTS, MOUNT_POINTS, NOTES } from './values/bounds.ts'
import { PREFIX } from './values/prefix.ts'

export interface GatePlan {
  /** What happens where a Pod starts with refused content. */
  mode: 'publish' | 'strict'
  /** Names of gated volumes. */
  volumes: ReadonlySet<string>
  /** Absent: what is published is not on trial. */
  trial?: Trial
}

export interface GateRequest {
  container: V1Container
  spec: V1PodSpec
  settings: Values
  reload: Reload
  /** The volumes that an agent would update. */
  volumes: readonly V1Volume[]
  /** Why the Pod can have no gate, as the end of a sentence; undefined: it can. */
  obstacle: string | undefined
}

export interface GateDecision {
  gate?: GatePlan
  validate?: readonly string[]
  notes: Note[]
  problems: UserError[]
}

export function planGate(request: GateRequest): GateDecision {
  const { settings, container } = request
  const mode = settings.gate ?? 'off'
  if (mode === 'off') return { ...validatorOf(request, request.volumes), notes: [] }
  if (settings.validate === undefined)
    return {
      notes: [],
      problems: [
        new UserError(
          'HR_NO_VALIDATOR',
          `${PREFIX}gate: ${mode}, but container ${container.name} has no command that judges its configuration`,
          `set ${PREFIX}validate, e.g. to preset or to a command`,
        ),
      ],
    }
  const obstacle = request.obstacle ?? obstacleOf(request) ?? excessOf(request)
  const gated = obstacle === undefined ? request.volumes.filter(isGateable) : []
  const validator = validatorOf(request, obstacle === undefined ? gated : request.volumes)
  if (gated.length === 0)
    return {
      ...validator,
      notes: [{ text: `container ${container.name}: no gate: ${obstacle ?? NOTHING}`, warn: true }],
    }
  const volumes = new Set(gated.map(({ name }) => name))
  const trial = planTrial(container, request.spec, settings)
  return {
    ...validator,
    gate: { mode, volumes, ...(trial ? { trial } : {}) },
    notes: ungatedNotes(request, volumes),
  }
}

const NOTHING = `no volume of exactly one ConfigMap reloads in place: ${manual('gate')}`

const obstacleOf = ({
  container: { volumeMounts = [] },
  reload,
  spec: { restartPolicy = 'Always' },
}: GateRequest): string | undefined => {
  // The first publish may end with an error once, which would fail the Pod. Of Jobs a gate would hold a whole run back.
  if (restartPolicy !== 'Always') return `its restartPolicy is ${restartPolicy}`
  if (reload.method === 'rollout') return 'its changes roll out'
  // The agent's flags end a mountPath at its first colon.
  if (volumeMounts.some(({ mountPath }) => mountPath.includes(':'))) return 'it has a mountPath with a colon'
  return methodOf(reload).agent === 'parent'
    ? `${PREFIX}reload: ${reload.method} has no agent beside the program`
    : undefined
}

function excessOf({ container: { volumeMounts = [] }, volumes }: GateRequest): string | undefined {
  const names = new Set(volumes.filter(isGateable).map(({ name }) => name))
  const mounts = volumeMounts.filter(
    ({ name, subPath, subPathExpr }) => names.has(name) && !subPath && !subPathExpr,
  )
  if (Math.max(mounts.length, names.size) > GATED_MOUNTS)
    return `it mounts ConfigMaps at more than ${GATED_MOUNTS} paths`
  const below = pathsBelow(volumeMounts.map(({ mountPath }) => normalMountPath(mountPath)))
  let points = 0
  for (const { mountPath } of mounts)
    for (const _ of below(normalMountPath(mountPath)))
      if (++points > MOUNT_POINTS) return `more than ${MOUNT_POINTS} mounts are below those of its ConfigMaps`
  return undefined
}

/** Exactly one ConfigMap: a Secret has no hash to show, and a token must not wait for anything. */
const isGateable = ({ configMap, projected }: V1Volume): boolean =>
  configMap !== undefined ||
  (projected?.sources?.length === 1 && projected.sources[0]?.configMap !== undefined)

function validatorOf(
  { container, settings }: GateRequest,
  volumes: readonly V1Volume[],
): Pick<GateDecision, 'validate' | 'problems'> {
  // A Pod that `hotreload inject` wrote mounts none of them any more.
  if (settings.validate !== 'preset' || volumes.length === 0)
    return Array.isArray(settings.validate) ? { validate: settings.validate, problems: [] } : { problems: [] }
  const program = withoutWrappers(container)
  const name = settings.preset ?? recognise(program)
  const check = name && isReadAsWritten(container, program) ? checkOf(name, program) : undefined
  const names = new Set(volumes.map((one) => one.name))
  const mounts = (container.volumeMounts ?? []).filter((mount) => names.has(mount.name))
  if (check && mounts.some(({ mountPath }) => isCovered(check, normalMountPath(mountPath))))
    return { validate: check.argv, problems: [] }
  return { problems: [noCheck(container, name, check !== undefined)] }
}

/** Whether the words of the program are those of the manifest, or of a script in which blanks alone divide them. */
function isReadAsWritten(container: V1Container, program: V1Container): boolean {
  const written = new Set(wordsOf(container))
  return (
    wordsOf(program).every((word) => written.has(word)) ||
    ![...written].some((word) => /["'\\$`;&|<>()*?[\]{}~#]/.test(word))
  )
}

function noCheck({ name }: V1Container, preset: PresetName | undefined, isElsewhere: boolean): UserError {
  const why =
    preset === undefined
      ? 'hotreload does not know its program'
      : isElsewhere
        ? `the files that ${preset} reads are in none of these volumes`
        : `preset ${preset} has no test of its configuration, or the command line leaves open which files it reads`
  return new UserError(
    'HR_NO_PRESET_VALIDATOR',
    `${PREFIX}validate: preset in container ${name}: ${why}`,
    `write the command, e.g. ${PREFIX}validate: nginx -t`,
  )
}

/** Volumes that the agent updates without a gate. */
const ungatedNotes = ({ container, volumes }: GateRequest, gated: ReadonlySet<string>): Note[] =>
  volumes
    .filter(({ name }) => !gated.has(name))
    .slice(0, NOTES)
    .map((volume) => ({
      text: `container ${container.name}: volume ${volume.name} has no gate: it is not of exactly one ConfigMap`,
      // A Secret never waits, and everybody may know that.
      warn: volumeSources(volume).some(({ kind }) => kind === 'ConfigMap'),
    }))

/** The container whose gate a volume has: the first one, where several mount it (inject/gate.ts). */
export const ownerOfGate = (volume: string, plans: readonly ContainerPlan[]): ContainerPlan | undefined =>
  plans.find(({ gate }) => gate?.volumes.has(volume))

/** Says who judges a gated volume that several containers mount, and warns where one of them asks for a trial of its own. */
export function sharedNotes(plans: readonly ContainerPlan[]): Note[] {
  return plans
    .flatMap((plan) =>
      [...(plan.gate?.volumes ?? [])].flatMap((volume) => {
        const owner = ownerOfGate(volume, plans)
        if (!owner || owner === plan) return []
        const warn = plan.gate?.trial !== undefined
        const inVain = warn ? `; ${PREFIX}bake of this container has no effect on it` : ''
        const judged = `container ${owner.container.name} judges volume ${volume}`
        return [{ text: `container ${plan.container.name}: ${judged}${inVain}`, warn }]
      }),
    )
    .slice(0, NOTES)
}

/** Warns of uses of a gated ConfigMap that see each edit at once. */
export function liveNotes(spec: V1PodSpec, plans: readonly ContainerPlan[]): Note[] {
  if (!plans.some(({ gate }) => gate)) return []
  const gated = new Map(plans.map(({ container, gate }) => [container.name, gate?.volumes]))
  const isGated = ({ container, volume = '', init }: Reference) =>
    !init && gated.get(container)?.has(volume) === true
  const all = references(spec).filter(({ kind }) => kind === 'ConfigMap')
  const names = new Set(all.filter(isGated).map(({ name }) => name))
  return all
    .filter((one) => names.has(one.name) && !isGated(one))
    .slice(0, NOTES)
    .map(({ name, init, container, mountPath, as }) => ({
      text: `ConfigMap ${name} has a gate, and ${init ? 'init container' : 'container'} ${container} sees each edit of it at once (${mountPath ?? as})`,
      warn: true,
    }))
}
