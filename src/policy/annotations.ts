/**
 * The table of annotations: their values, their defaults, and where they belong. docs/annotations.md is written from it; policy.ts reads
 * a workload's annotations.
 */
import { isLegalName } from '../workload/object-name.ts'
import { methodNames } from './methods/reload-methods.ts'
import { subPathChoices } from './mounts/subpath-modes.ts'
import { ways } from './presets/preset.ts'
import { presetName } from './presets/presets.ts'
import * as parse from './values/parse.ts'
import { isOurs, PREFIX } from './values/prefix.ts'
import { healthUrl, reloadUrl } from './values/url.ts'

export { isOurs, PREFIX } from './values/prefix.ts'

/** Values of the annotation `reload`: the methods, and `auto`, which chooses one. */
const reloadValues = ['auto', ...methodNames] as const

export interface Annotation {
  /** @throws UserError that names `key` */
  parse: (key: string, value: string) => unknown
  /** Default first, for the documentation. */
  values: string
  /** What it does, its form and its default, in one to three sentences. */
  doc: string
  /** It changes the Pod, so that it is mirrored from a workload's metadata into its pod template. */
  inTemplate: boolean
  /** A container's name may be its suffix: `hotreload.dev/signal.web`. */
  perContainer: boolean
  /** It is about one program, so that it can't hold for several containers at once. */
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
    doc: 'With `"true"`, hotreload reloads this workload after a change; its namespace needs the label `hotreload.dev/injection: enabled`. Without it nothing happens.',
  },
  preset: {
    ...ofProgram,
    parse: presetName,
    values: "absent, a program's name, e.g. `nginx`",
    doc: "A known program ([programs](programs.md)), which decides how the container reloads. By default hotreload recognises the program in the image's name, or in the command if there is one.",
  },
  signal: {
    ...ofProgram,
    parse: parse.signalName,
    values: 'absent, a name or a number, e.g. `SIGHUP`',
    doc: 'The agent sends this signal to the program after a change; with `reload: restart` it ends the program. There is no default, because a program that does not expect a signal ends.',
  },
  process: {
    ...ofProgram,
    parse: parse.commandName,
    values: "absent, a command's name, e.g. `nginx`",
    doc: "The command's name of the process that gets the signal. By default that is the container's main process; shells and inits such as tini are skipped.",
  },
  url: {
    ...ofProgram,
    parse: reloadUrl,
    values: 'absent, `[METHOD ]http://127.0.0.1:PORT/PATH`',
    doc: "The agent calls this URL after a change, and expects a status from 200 to 299. The method is POST unless another one precedes the URL, and the host must be the Pod's loopback. For TLS, a password or a header, use `command` with a client of the image.",
  },
  command: {
    ...ofProgram,
    parse: parse.argv,
    values: 'absent, words, or a JSON array',
    doc: "The agent runs this command with the app's image, files and variables after a change. It runs beside the app's container, so it finds no pid file and no socket of the app except in a volume. It is split at spaces, quotes keep words together, and there is no shell.",
  },
  validate: {
    ...ofProgram,
    parse: parse.validator,
    values: 'absent, words, or a JSON array, e.g. `nginx -t`, or `preset`',
    doc: "The agent runs this command before each reload, and reloads only if it exits 0. It has the form of `command`; `preset` is the program's own test ([programs](programs.md)) of the files that the container's command line names. By default nothing is validated.",
  },
  gate: {
    ...ofContainer,
    parse: parse.oneOf('off', 'publish', 'strict'),
    values: '`off`, `publish`, `strict`',
    doc: 'Whether the program sees a ConfigMap only after `validate` has passed it, also when it starts again ([gate](gate.md)). A Pod that starts with nothing else takes a refused ConfigMap with `publish`, and waits with `strict`.',
  },
  bake: {
    ...ofContainer,
    parse: parse.bake,
    values: '`0s`, a duration from `1s` to `1h`',
    doc: 'With `gate`: for so long after a reload the new content is on trial ([gate](gate.md#trial)). If the program becomes unhealthy or ends in this time, the agent publishes the last good content again.',
  },
  health: {
    ...ofProgram,
    parse: healthUrl,
    values: 'absent, `[METHOD ]http://127.0.0.1:PORT/PATH`',
    doc: "With `bake`: the agent asks this URL before and during the trial, and 200 to 399 is healthy. The method is GET unless another one precedes the URL, and the host must be the Pod's loopback. By default the agent asks what the container's own http or tcp readiness probe asks.",
  },
  reload: {
    ...ofContainer,
    parse: parse.oneOf(...reloadValues),
    values: reloadValues.map((value) => `\`${value}\``).join(', '),
    doc: "How the container takes a change ([reload methods](reload.md)). `auto` takes the method that `signal`, `url` or `command` implies, otherwise the preset's, otherwise `rollout`; `none` is for a program that watches its files.",
  },
  'volume-reload': {
    ...ofContainer,
    parse: parse.assignments(...ways),
    values: 'absent, pairs of a volume and a value, separated by commas, e.g. `runtime=none,config=rollout`',
    doc: "How a change of single volumes is taken, whatever `reload` and the preset say of them. `reload` is the container's own method, `none` is for files that the program watches, `rollout` makes new Pods, and with `ignore` a change has no effect.",
  },
  container: {
    ...ofPod,
    parse: parse.names,
    values: 'absent, names, separated by commas',
    doc: 'The containers that hotreload looks at: their volumes and their variables. By default these are all but containers of other injectors; init containers always count.',
  },
  volumes: {
    ...ofPod,
    parse: parse.names,
    values: 'absent, names, separated by commas',
    doc: 'The volumes that hotreload watches. By default these are all volumes of ConfigMaps, of Secrets and of the Secrets Store CSI driver; any other volume can be named, e.g. one that a Vault agent writes.',
  },
  subpath: {
    ...ofContainer,
    parse: parse.oneOf(...subPathChoices),
    values: '`auto`, `symlink`, `copy`, `keep`',
    doc: 'How hotreload updates a file that is mounted with subPath, which the kubelet never does. `auto` chooses between a `symlink` and a `copy` ([limits](limits.md)); `keep` leaves the mount as it is.',
  },
  env: {
    ...ofPod,
    parse: parse.oneOf('rollout', 'restart', 'ignore'),
    values: '`rollout`, `restart`, `ignore`',
    doc: 'What happens after a change of a ConfigMap or Secret whose values are environment variables. `rollout` makes new Pods, `restart` restarts the container in the same Pod, `ignore` does nothing.',
  },
  stagger: {
    ...ofContainer,
    parse: parse.duration,
    values: 'absent, a duration',
    doc: 'The Pods of a workload spread their reloads over this time, e.g. `90s` or `1m30s`. The default is `60s` if the change restarts the program or the container (also with `env: restart`), otherwise `0s`.',
  },
  resources: {
    ...ofPod,
    parse: parse.resources,
    values: 'absent, ResourceRequirements as JSON',
    doc: 'Requests and limits of the agent, e.g. `{"requests":{"cpu":"1m"},"limits":{"memory":"16Mi"}}`. By default it requests 1m of CPU and 4Mi of memory, and its memory limit is 16Mi.',
  },
  'chart-checksum': {
    ...ofWorkload,
    parse: parse.oneOf('keep', 'freeze'),
    values: '`keep`, `freeze`',
    doc: 'What an update does with the `checksum/…` annotations of a Helm chart. With `freeze` it keeps their old values if it changes nothing else in the template and every source reloads in place ([Helm](helm.md)).',
  },
  pause: {
    ...ofWorkload,
    parse: parse.boolean,
    values: '`"false"`, `"true"`',
    doc: 'While it is `"true"`, hotreload neither rolls out nor nudges. It also works on a ConfigMap or Secret, for all workloads that use it.',
  },
  canary: {
    ...ofWorkload,
    parse: parse.count,
    values: 'absent, a number',
    doc: 'The number of Pods that hotreload nudges first: one minute before the others, or with `bake` until their trial has ended well. It does not stop the other Pods: the kubelet updates them later. By default all Pods are nudged at once.',
  },
} as const satisfies Record<string, Annotation>

export type AnnotationName = keyof typeof annotations
export type Value<K extends AnnotationName> = ReturnType<(typeof annotations)[K]['parse']>

/** Annotations that hotreload writes. A user's value of one is ignored. */
export const written = {
  status: 'On Pods: what hotreload injected, what it did not inject, and why. JSON.',
  approve:
    'On Pods: refused content that the gate publishes all the same, as `VOLUME@HASH`. `hotreload approve` writes it.',
  nudge: 'On Pods: its change makes the kubelet refresh the volumes at once.',
  checksum:
    'On pod templates: a checksum of each source that needs a rollout. Its change starts the rollout.',
  mirrored:
    "On pod templates: the keys that hotreload copied from the workload's metadata, and removes when they go there.",
} as const

export const writtenKey = (name: keyof typeof written): string => PREFIX + name

export interface ParsedKey {
  name: AnnotationName
  /** The container that a suffix names. */
  container?: string
}

/** `hotreload.dev/signal.web` -> signal, web. Undefined for a key that is not in the table, or that can't have its suffix. */
export function parseKey(key: string): ParsedKey | undefined {
  const [name = '', ...rest] = key.slice(PREFIX.length).split('.')
  if (!Object.hasOwn(annotations, name)) return undefined
  const known = name as AnnotationName
  if (rest.length === 0) return { name: known }
  return annotations[known].perContainer && rest.length === 1 && rest[0]
    ? { name: known, container: rest[0] }
    : undefined
}

/** Whether a key belongs in the pod template, because it changes the Pod. */
export function inTemplate(key: string): boolean {
  const parsed = isOurs(key) ? parseKey(key) : undefined
  return parsed !== undefined && annotations[parsed.name].inTemplate
}

/** On a ConfigMap or Secret, whose owner agrees that workloads of these namespaces depend on it. */
export const SHARE_WITH = `${PREFIX}share-with`

/**
 * Namespaces whose workloads may depend on this source of another one. There is no wildcard: whoever may create a namespace would learn when
 * the source changes, and could compare it with guesses.
 */
export const sharedWith = (own: Readonly<Record<string, string>> = {}): ReadonlySet<string> =>
  new Set(
    (own[SHARE_WITH] ?? '')
      .split(',')
      .map((name) => name.trim())
      .filter(isLegalName),
  )

export const PAUSE = `${PREFIX}pause`

/** Whether the annotations of a workload or source pause it. */
export const isPaused = (own: Readonly<Record<string, string>> = {}): boolean => own[PAUSE]?.trim() === 'true'
