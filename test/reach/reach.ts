/** Counts what `hotreload explain` says of real manifests: how many references reload in place, and which programs are not known. Pure. */
import type { V1Container } from '@kubernetes/client-node'
import type { Change } from '../../src/cli/explain/change.ts'
import { explain } from '../../src/cli/explain/explanation.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import type { PodPlan } from '../../src/policy/plan.ts'
import { recognise, withoutWrappers } from '../../src/policy/presets/recognise.ts'
import { readWorkload } from '../../src/policy/read-workload.ts'
import { type ApiObject, podTemplate } from '../../src/workload/pod-template.ts'

export const outcomes = [
  'reloaded',
  'watched',
  'restarted',
  'rolled out',
  'next run',
  'left alone',
  'nothing',
] as const
export type Outcome = (typeof outcomes)[number]
export type Counts = Record<Outcome, number>

/** The references in volumes of all containers that run one program. */
export interface ProgramReach {
  containers: number
  counts: Counts
}

export interface Reach {
  workloads: number
  /** Workloads whose Pods get an agent. */
  withAgent: number
  volumes: Counts
  variables: Counts
  /** By the preset's name. */
  known: Map<string, ProgramReach>
  /** By the image's name without its registry and tag, and the command's first words where the manifest has some. */
  unknown: Map<string, ProgramReach>
  /** Workloads that could not be explained. */
  failures: string[]
}

/** @param objects of one folder; those without a pod template count as nothing */
export function reachOf(objects: readonly ApiObject[]): Reach {
  const reach: Reach = {
    workloads: 0,
    withAgent: 0,
    volumes: none(),
    variables: none(),
    known: new Map(),
    unknown: new Map(),
    failures: [],
  }
  for (const object of objects) if (podTemplate(object)) add(reach, object)
  return reach
}

function add(reach: Reach, object: ApiObject): void {
  reach.workloads++
  const { changes, notInjected, problems } = explain(object, {
    defaults: builtInDefaults,
    content: () => undefined,
    labelled: undefined,
  })
  const { plan } = readWorkload(object, builtInDefaults)
  const name = `${object.kind} ${object.metadata?.name ?? ''}`
  if (problems.length > 0) reach.failures.push(`${name}: ${problems.join('; ')}`)
  if (notInjected === undefined) reach.withAgent++
  for (const change of changes)
    (isVariable(change) ? reach.variables : reach.volumes)[outcomeOf(change, plan)]++

  for (const container of podTemplate(object)?.spec?.containers ?? []) {
    const mounted = changes.filter(
      (change) => change.container === container.name && /^(volume|subPath) /.test(change.use),
    )
    if (mounted.length > 0)
      addProgram(
        reach,
        container,
        mounted.map((change) => outcomeOf(change, plan)),
      )
  }
}

function addProgram({ known, unknown }: Reach, container: V1Container, found: readonly Outcome[]): void {
  const preset = recognise(withoutWrappers(container))
  const [programs, name] = preset === undefined ? [unknown, describe(container)] : [known, preset]
  const program = programs.get(name) ?? { containers: 0, counts: none() }
  program.containers++
  for (const outcome of found) program.counts[outcome]++
  programs.set(name, program)
}

const none = (): Counts => ({
  reloaded: 0,
  watched: 0,
  restarted: 0,
  'rolled out': 0,
  'next run': 0,
  'left alone': 0,
  nothing: 0,
})

/** explain calls a change reloaded, too, if the program watches its files. */
function outcomeOf({ outcome, container, use }: Change, { containers }: PodPlan): Outcome {
  if (outcome !== 'reloaded') return outcome
  const own = containers.find((plan) => plan.container.name === container)
  const way = own?.ways.get(use.slice(use.indexOf(' ') + 1))?.way
  return way === 'none' || own?.reload.method === 'none' ? 'watched' : 'reloaded'
}

const isVariable = ({ use }: Change): boolean => /^(init: )?env/.test(use)

/** `docker.io/bitnami/tomcat:10` -> `bitnami/tomcat`, with the first words of a command. */
function describe({ image = '', command = [] }: V1Container): string {
  const name = image
    .replace(/@.*$/, '')
    .replace(/:[^/]*$/, '')
    .split('/')
    .slice(-2)
    .join('/')
  const words = command.join(' ').replaceAll(/\s+/g, ' ').slice(0, 40)
  return words ? `${name} (${words})` : name
}
