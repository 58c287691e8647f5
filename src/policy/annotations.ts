/**
 * The table of annotations: what each may say, its default, where it belongs. docs/annotations.md is written from it.
 * Reading a workload's annotations into a Policy is policy.ts.
 */
import { methodNames } from './methods/reload-methods.ts'
import { presetName } from './presets/presets.ts'
import * as parse from './values/parse.ts'
import { isOurs, PREFIX } from './values/prefix.ts'

export { isOurs, PREFIX } from './values/prefix.ts'

/** Values of the annotation `reload`: the methods, and `auto`, which chooses one. */
const reloadValues = ['auto', ...methodNames] as const

export interface Annotation {
  /** Text to value; throws a UserError that names `key`. */
  parse: (key: string, value: string) => unknown
  /** As the documentation shows them, default first. */
  values: string
  doc: string
  /** It changes the Pod, so it is mirrored from a workload's metadata into its pod template. */
  inTemplate: boolean
  /** May carry a container's name as suffix: `hotreload.dev/signal.web`. */
  perContainer: boolean
  /** Speaks of one program, so that it can't be meant for several containers at once. */
  oneProgram?: boolean
}

const ofPod = { inTemplate: true, perContainer: false } as const
const ofContainer = { inTemplate: true, perContainer: true } as const
const ofProgram = { ...ofContainer, oneProgram: true } as const
const ofWorkload = { inTemplate: false, perContainer: false } as const

export const annotations = {
  inject: {
    ...ofPod,
    parse: parse.boolean,
    values: 'absent, `"true"`, `"false"`',
    doc: 'Whether hotreload takes care of this workload.',
  },
  preset: {
    ...ofProgram,
    parse: presetName,
    values: "a program's name, e.g. `nginx`",
    doc: 'How to reload a known program. Recognised by itself where the last segment of the image or of the command is exactly its name.',
  },
  signal: {
    ...ofProgram,
    parse: parse.signalName,
    values: 'a name or a number, e.g. `SIGHUP`',
    doc: 'Sent to the process after a change. There is no default: a program that does not expect a signal ends.',
  },
  process: {
    ...ofProgram,
    parse: parse.commandName,
    values: "a command's name, e.g. `nginx`",
    doc: "The process to signal, where it is not the container's main one.",
  },
  url: {
    ...ofProgram,
    parse: parse.reloadUrl,
    values: '`[METHOD ]http://127.0.0.1:PORT/PATH`',
    doc: 'Called after a change; POST unless a method stands before it. It must stay in the Pod.',
  },
  command: {
    ...ofProgram,
    parse: parse.argv,
    values: 'words, or a JSON array',
    doc: "Run in the app's image after a change. No shell.",
  },
  validate: {
    ...ofProgram,
    parse: parse.argv,
    values: 'words, or a JSON array, e.g. `nginx -t`',
    doc: 'Must exit 0 before any reload.',
  },
  reload: {
    ...ofContainer,
    parse: parse.oneOf(...reloadValues),
    values: reloadValues.map((value) => `\`${value}\``).join(', '),
    doc: 'How to reload. `auto`: what the one of signal and url says, else the preset, else `rollout`. `none`: the app watches its files by itself.',
  },
  container: {
    ...ofPod,
    parse: parse.names,
    values: 'names, separated by commas',
    doc: "The containers to take care of. Default: each that mounts a ConfigMap or Secret, except other injectors' own.",
  },
  volumes: {
    ...ofPod,
    parse: parse.names,
    values: 'names, separated by commas',
    doc: 'The volumes to watch. Default: those of ConfigMaps and Secrets. Any volume may be named, e.g. the one a Vault agent writes.',
  },
  subpath: {
    ...ofContainer,
    parse: parse.oneOf('auto', 'symlink', 'copy', 'keep'),
    values: '`auto`, `symlink`, `copy`, `keep`',
    doc: 'How a file mounted with subPath is made to update: docs/limits.md tells the two apart. `keep` leaves it as it is.',
  },
  env: {
    ...ofPod,
    parse: parse.oneOf('rollout', 'restart', 'ignore'),
    values: '`rollout`, `restart`, `ignore`',
    doc: 'What a change of a ConfigMap or Secret used as environment variables does.',
  },
  stagger: {
    ...ofContainer,
    parse: parse.duration,
    values: '`0s`, a duration',
    doc: 'Spreads the reloads of many Pods over this time.',
  },
  resources: {
    ...ofPod,
    parse: parse.resources,
    values: 'ResourceRequirements as JSON',
    doc: "The agent's requests and limits.",
  },
  'chart-checksum': {
    ...ofWorkload,
    parse: parse.oneOf('keep', 'freeze'),
    values: '`keep`, `freeze`',
    doc: "What becomes of a chart's own `checksum/…` annotations. `freeze`: an update that changes nothing else keeps the old values, where every source reloads in place.",
  },
  pause: {
    ...ofWorkload,
    parse: parse.boolean,
    values: '`"false"`, `"true"`',
    doc: 'No rollout and no nudge while set; also on a ConfigMap or Secret.',
  },
  canary: {
    ...ofWorkload,
    parse: parse.count,
    values: 'absent, a number',
    doc: 'How many Pods are told of a change first. A head start of a minute, not a gate: the kubelet updates the others by itself.',
  },
} as const satisfies Record<string, Annotation>

export type AnnotationName = keyof typeof annotations
export type Value<K extends AnnotationName> = ReturnType<(typeof annotations)[K]['parse']>

/** Written by hotreload, never read as a wish. */
export const written = {
  status: 'On Pods: what was injected, and what was not and why. JSON.',
  nudge: 'On Pods: makes the kubelet refresh volumes at once.',
  checksum: 'On pod templates: a short hash for each source that needs a rollout. Its change is the rollout.',
  mirrored:
    'On pod templates: which keys were put there from the metadata of the workload, and will be taken back with them.',
} as const

export const writtenKey = (name: keyof typeof written): string => PREFIX + name

export interface ParsedKey {
  name: AnnotationName
  /** The container that a suffix names. */
  container?: string
}

/** `hotreload.dev/signal.web` -> signal, web. Undefined for a key that is not in the table, or carries a suffix it can't. */
export function parseKey(key: string): ParsedKey | undefined {
  const [name = '', ...rest] = key.slice(PREFIX.length).split('.')
  if (!Object.hasOwn(annotations, name)) return undefined
  const known = name as AnnotationName
  if (rest.length === 0) return { name: known }
  return annotations[known].perContainer && rest.length === 1 && rest[0]
    ? { name: known, container: rest[0] }
    : undefined
}

/** Whether a key belongs in the pod template: it changes the Pod. */
export function inTemplate(key: string): boolean {
  const parsed = isOurs(key) ? parseKey(key) : undefined
  return parsed !== undefined && annotations[parsed.name].inTemplate
}

export const PAUSE = `${PREFIX}pause`

/** Of a workload or a source. */
export const isPaused = (own: Readonly<Record<string, string>> = {}): boolean => own[PAUSE]?.trim() === 'true'
