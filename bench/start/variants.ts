/** The variants: one program as a plain Pod, and injected so that other containers are added. Pure. */
import { injectObject } from '../../src/cli/inject.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { AGENT_IMAGE, VERSION } from '../../src/version.ts'
import type { ApiObject, PodTemplate } from '../../src/workload/pod-template.ts'

export interface Variant {
  name: string
  /** The containers that injection must add, in order, so that the benchmark measures nothing else by mistake. */
  added: readonly string[]
  /** Annotations beside `inject`; undefined for a plain Pod. */
  annotations?: Readonly<Record<string, string>>
  /** Mounts one file of the ConfigMap instead of the directory. */
  subPath?: boolean
  /** The Pod's user: with one, injection needs no install container. */
  runAsUser?: number
  /** Jobs have no gate. */
  podsOnly?: boolean
}

const signal = { 'hotreload.dev/signal': 'SIGHUP' }
const [install, gate, agent] = ['hotreload-install', 'hotreload-gate-app', 'hotreload-agent']
/** A validator that does nothing but start: the image of the benchmark's program holds no other. */
const validate = { 'hotreload.dev/validate': '/.hotreload/bin/hotreload-agent --version' }

export const variants: readonly Variant[] = [
  { name: 'plain', added: [] },
  { name: 'plain, subPath', added: [], subPath: true },
  { name: "agent's image", added: [agent], annotations: signal, runAsUser: 65_534 },
  { name: "app's image", added: [install, agent], annotations: signal },
  {
    name: 'symlink',
    added: [install, agent],
    annotations: { ...signal, 'hotreload.dev/subpath': 'symlink' },
    subPath: true,
  },
  {
    name: 'copy',
    added: [install, agent],
    annotations: { ...signal, 'hotreload.dev/subpath': 'copy' },
    subPath: true,
  },
  {
    name: 'validate',
    added: [install, agent],
    annotations: { ...signal, ...validate },
    podsOnly: true,
  },
  {
    name: 'validate, gate',
    added: [install, gate, agent],
    annotations: { ...signal, ...validate, 'hotreload.dev/gate': 'publish' },
    podsOnly: true,
  },
]

export interface Program {
  image: string
  /** As in a container's spec. */
  command?: readonly string[]
}

/**
 * A Pod template of `program`, injected by the webhook's code with the variant's annotations. bench/webhook.ts measures the webhook's own share,
 * which is under a millisecond.
 * @throws if injection adds other containers than the variant's
 */
export function template(variant: Variant, program: Program, spec: object = {}): PodTemplate {
  const pod: ApiObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'app',
      labels: { app: 'bench' },
      ...(variant.annotations && { annotations: { 'hotreload.dev/inject': 'true', ...variant.annotations } }),
    },
    spec: {
      terminationGracePeriodSeconds: 1,
      ...(variant.runAsUser && { securityContext: { runAsUser: variant.runAsUser } }),
      containers: [{ name: 'app', imagePullPolicy: 'Never', ...program, volumeMounts: [mount(variant)] }],
      volumes: [{ name: 'config', configMap: { name: 'config' } }],
      ...spec,
    },
  }
  const options = { agentImage: AGENT_IMAGE, version: VERSION, defaults: builtInDefaults, injectAll: false }
  const { object, problems } = injectObject(pod, options)
  const { metadata = {}, spec: made } = object as PodTemplate
  const added = (made?.initContainers ?? []).map(({ name }) => name)
  if (problems.length > 0 || added.join() !== variant.added.join())
    throw new Error(`${variant.name}: added ${added.join()}; ${problems.join('; ')}`)
  return { metadata, ...(made && { spec: made }) }
}

const mount = ({ subPath = false }: Variant): object => ({
  name: 'config',
  mountPath: subPath ? '/etc/reader/config' : '/etc/reader',
  ...(subPath && { subPath: 'config' }),
})
