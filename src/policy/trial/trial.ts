/** The trial of new content after a reload: how long it takes, and what the agent asks meanwhile. Pure. */
import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import { UserError } from '../../errors.ts'
import type { Note } from '../methods/method-row.ts'
import { PREFIX } from '../values/prefix.ts'
import type { HealthUrl } from '../values/url.ts'
import { type HealthCheck, healthAt, readinessOf } from './health.ts'

export interface Trial {
  /** Seconds. */
  bake: number
  /** What the agent asks; or why nothing, as the end of a sentence. */
  health: HealthCheck | string
}

/** The annotations of one container, or of all, that a trial concerns. */
export interface TrialSettings {
  gate?: string
  bake?: number
  health?: HealthUrl
}

/** Undefined without `bake`. */
export const planTrial = (
  container: V1Container,
  spec: V1PodSpec,
  { bake = 0, health }: TrialSettings,
): Trial | undefined =>
  bake > 0 ? { bake, health: health ? healthAt(health) : readinessOf(container, spec) } : undefined

/** Seconds. The kubelet waits 10 or 20 s before it starts a container that it has started again shortly before. */
const RESTART = 30

interface TrialFacts {
  /** The agent sees at least that the program ends. */
  seesProcesses: boolean
  /** For each edit. */
  startsAgain: boolean
}

/** Warns of a trial in which the agent asks nothing, and of one that may end before the program has started again. */
export function trialNotes(
  { name }: V1Container,
  { bake, health }: Trial,
  { seesProcesses, startsAgain }: TrialFacts,
): Note[] {
  const asked = seesProcesses ? 'only that the program lives' : 'nothing'
  const texts = [
    ...(typeof health === 'string' ? [`sees ${asked}, because ${health}; set ${PREFIX}health`] : []),
    ...(startsAgain && bake < RESTART
      ? [
          `is ${bake} s, but its program starts again for each edit, which may take longer; set ${RESTART}s or more`,
        ]
      : []),
  ]
  return texts.map((text) => ({ text: `container ${name}: ${PREFIX}bake ${text}`, warn: true }))
}

interface TrialPolicy {
  shared: TrialSettings
  byContainer: ReadonlyMap<string, TrialSettings>
}

/**
 * Mistakes of annotations that do nothing by themselves: `bake` without a gate, `health` without either. A `bake` of the policy file is for the
 * workloads that have a gate.
 */
export function trialProblems(
  { shared, byContainer }: TrialPolicy,
  defaults: Readonly<Record<string, string>>,
): UserError[] {
  const all = [shared, ...byContainer.values()]
  return [
    ...problemsOf(shared, all, '', Object.hasOwn(defaults, `${PREFIX}bake`)),
    ...[...byContainer].flatMap(([name, own]) => problemsOf(own, [{ ...shared, ...own }], `.${name}`, false)),
  ]
}

/**
 * @param concerned the settings of the containers that may have what is needed
 * @param mayBeIdle a `bake` without a gate is no mistake
 */
function problemsOf(
  { bake = 0, health }: TrialSettings,
  concerned: readonly TrialSettings[],
  suffix: string,
  mayBeIdle: boolean,
): UserError[] {
  const hasGate = concerned.some(({ gate = 'off' }) => gate !== 'off')
  const bakesInVain = bake > 0 && !mayBeIdle && !hasGate
  const needsBake = health !== undefined && !concerned.some((one) => (one.bake ?? 0) > 0)
  const asksInVain = health !== undefined && !needsBake && !hasGate
  const why = bakesInVain
    ? `bake${suffix}: ${bake} s, but without a gate there is no content to go back to`
    : `health${suffix} is asked during a trial only, and without a gate there is none`
  return [
    ...(bakesInVain || asksInVain
      ? [new UserError('HR_NO_GATE', `${PREFIX}${why}`, `set ${PREFIX}gate${suffix} to publish or strict`)]
      : []),
    ...(needsBake
      ? [
          new UserError(
            'HR_NO_BAKE',
            `${PREFIX}health${suffix} is asked during ${PREFIX}bake only, which is 0s`,
            `set ${PREFIX}bake${suffix}, e.g. to 60s`,
          ),
        ]
      : []),
  ]
}

/** `on trial for 60 s, asked at GET /healthz on port 8080`, for a sentence. A query is left out, since it may hold a token. */
export function describeTrial({ bake, health }: Trial): string {
  const text = `on trial for ${bake} s`
  if (typeof health === 'string') return text
  const { request, port } = health
  return `${text}, asked at ${request ? `${request.method} ${request.path.replace(/\?.*/s, '')} on` : 'TCP'} port ${port}`
}
