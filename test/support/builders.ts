/** Small valid objects for tests; each call makes a new one, and `change` replaces whole fields. */
import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import jsonpatch, { type Operation } from 'fast-json-patch'
import type { AdmissionRequest, AdmissionResponse, Handler } from '../../src/admission/handler.ts'
import { podHandler } from '../../src/admission/pod-handler.ts'
import type { ConfigReader } from '../../src/api/config-reader.ts'
import { injectPod } from '../../src/inject/pod.ts'
import { type Decision, decide } from '../../src/policy/decide.ts'
import { builtInDefaults, type Defaults } from '../../src/policy/defaults.ts'
import { readPolicy } from '../../src/policy/policy.ts'
import { readPod } from '../../src/policy/read-workload.ts'
import { templateKinds } from '../../src/workload/kinds.ts'
import {
  type ApiObject,
  type PodTemplate,
  podTemplate,
  withPodTemplate,
} from '../../src/workload/pod-template.ts'
import type { ConfigContent, Unreadable } from '../../src/workload/source-content.ts'

export const AGENT_IMAGE = 'ghcr.io/hotreload/hotreload-agent:0.0.0'

/** nginx with its ConfigMap `web` as a directory. */
export const nginx = (change: Partial<V1Container> = {}): V1Container => ({
  name: 'web',
  image: 'nginx:1.27',
  volumeMounts: [{ name: 'conf', mountPath: '/etc/nginx/conf.d' }],
  ...change,
})

export const podSpec = (change: Partial<V1PodSpec> = {}): V1PodSpec => ({
  containers: [nginx()],
  volumes: [{ name: 'conf', configMap: { name: 'web' } }],
  ...change,
})

/** Keys without their prefix: `{ signal: 'SIGHUP' }` is `{ 'hotreload.dev/signal': 'SIGHUP' }`. */
export const keys = (short: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(short).map(([key, value]) => [`hotreload.dev/${key}`, value]))

/** An opted-in Pod of a ReplicaSet. */
export const pod = (spec: V1PodSpec = podSpec(), annotations: Record<string, string> = {}): ApiObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    generateName: 'web-5d9c7b-',
    labels: { 'pod-template-hash': '5d9c7b' },
    annotations: { ...keys({ inject: 'true' }), ...annotations },
    ownerReferences: [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5d9c7b', uid: '1', controller: true },
    ],
  },
  spec,
})

export interface WorkloadParts {
  kind?: string
  /** The workload's own annotations. */
  own?: Record<string, string>
  /** The pod template's. */
  template?: Record<string, string>
  spec?: V1PodSpec
  metadata?: Record<string, unknown>
  /** Fields beside the template. */
  fields?: Record<string, unknown>
}

/** A Deployment of nginx, or another kind whose template is at `spec.template`. */
export function workload(parts: WorkloadParts = {}): ApiObject {
  const { kind = 'Deployment', own = {}, template = {}, spec = podSpec(), metadata = {}, fields = {} } = parts
  const podTemplate: PodTemplate = {
    metadata: {
      labels: { app: 'web' },
      ...(Object.keys(template).length > 0 ? { annotations: template } : {}),
    },
    spec,
  }
  const body = { template: podTemplate, ...fields }
  return {
    apiVersion: templateKinds.find((one) => one.kind === kind)?.apiVersion ?? 'v1',
    kind,
    metadata: {
      name: 'web',
      namespace: 'shop',
      ...(Object.keys(own).length > 0 ? { annotations: own } : {}),
      ...metadata,
    },
    spec: kind === 'CronJob' ? { schedule: '0 * * * *', jobTemplate: { spec: body } } : body,
  }
}

/** An update if `old` is given, else a creation. Both objects are copies, as if they had been sent over the network. */
export const requestFor = (object: ApiObject, old?: ApiObject): AdmissionRequest => ({
  uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
  kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
  namespace: 'shop',
  operation: old === undefined ? 'CREATE' : 'UPDATE',
  object: structuredClone(object),
  oldObject: old === undefined ? null : structuredClone(old),
})

/** The operations of an answer's patch; none without one. */
export const operationsOf = ({ patch }: AdmissionResponse): Operation[] =>
  patch === undefined ? [] : JSON.parse(Buffer.from(patch, 'base64').toString())

/** A handler's answer with the operations of its patch, and the object as the API server would store it. */
export async function submit(handler: Handler, object: ApiObject, old?: ApiObject) {
  const request = requestFor(object, old)
  const answer: AdmissionResponse = await handler(request)
  const patch = operationsOf(answer)
  return { ...answer, patch, object: jsonpatch.applyPatch(structuredClone(object), patch).newDocument }
}

/** The Pod as the webhook would inject it, without a patch. */
export function injectedPod(object: ApiObject): ApiObject {
  const template = podTemplate(object)
  const reading = template && readPod(template, builtInDefaults)
  return template && reading?.plan
    ? withPodTemplate(
        object,
        injectPod(template, reading.plan, { agentImage: AGENT_IMAGE, version: '0.0.0' }),
      )
    : object
}

export const pods = (): Handler =>
  podHandler({ agentImage: AGENT_IMAGE, version: '0.0.0', defaults: () => builtInDefaults })

/** The decision about a template, with its problems of both kinds. */
export function decisionFor(
  spec: V1PodSpec,
  short: Record<string, string> = {},
  {
    bare = false,
    isReplaced = !bare,
    defaults = builtInDefaults,
  }: { bare?: boolean; isReplaced?: boolean; defaults?: Defaults } = {},
): Decision & { messages: string[]; notes: string[] } {
  const annotations = keys({ inject: 'true', ...short })
  const { policy, problems } = readPolicy(annotations, defaults)
  const template = { metadata: { annotations }, spec }
  const decision = decide({ template, policy, defaults, isBare: bare, isManifest: false, isReplaced })
  const notes = [...decision.plan.containers.flatMap((one) => one.notes), ...decision.plan.notes]
  return {
    ...decision,
    messages: [...problems, ...decision.problems].map(({ message }) => message),
    notes: notes.map(({ text }) => text),
  }
}

/** A cluster's ConfigMaps and Secrets as a table: `ConfigMap/web` -> content, or the reason why it can't be read. All others are absent. */
export function readerOf(
  table: Record<string, Partial<ConfigContent> | Unreadable>,
): ConfigReader & { reads: string[] } {
  const reads: string[] = []
  const read = (kind: string) => async (_namespace: string, name: string) => {
    const id = `${kind}/${name}`
    reads.push(id)
    const found = Object.hasOwn(table, id) ? table[id] : 'absent'
    return typeof found === 'object'
      ? { data: {}, binaryData: {}, immutable: false, ...found }
      : (found ?? 'absent')
  }
  return { reads, configMap: read('ConfigMap'), secret: read('Secret') }
}
