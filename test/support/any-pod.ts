/** Random Pods: fast-check's arbitraries of a spec and of annotations. */
import type {
  V1Container,
  V1EnvFromSource,
  V1EnvVar,
  V1PodSpec,
  V1Volume,
  V1VolumeMount,
} from '@kubernetes/client-node'
import fc from 'fast-check'
import type { ApiObject } from '../../src/workload/pod-template.ts'
import { keys } from './builders.ts'

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
const defined = <T extends object>(object: T): T =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T

const paths = [
  '/a.conf',
  '/etc/a.conf',
  '/etc/app/a.conf',
  '/etc/app',
  '/etc/app/sub/b.conf',
  '/opt/x/a.conf',
  '/etc/app/sub',
  'etc/app/c.conf',
  '/etc/x/../app/d.conf',
  '/etc/app/e:f.conf',
]
const file = fc.constantFrom('a.conf', 'dir/a.conf', 'dir', './a.conf', 'none', '.')
const items = fc.constantFrom(
  [{ key: 'a', path: 'a.conf' }],
  [
    { key: 'a', path: 'dir/a.conf' },
    { key: 'b', path: 'dir/b.conf' },
  ],
)

const projection = fc.oneof(
  fc.constant({ serviceAccountToken: { path: 'token' } }),
  fc.constant({ downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } }),
  fc.record({ configMap: fc.record({ name: fc.constantFrom('web', 'sites'), items: maybe(items) }) }),
  fc.record({ secret: fc.record({ name: fc.constant('tls'), items: maybe(items) }) }),
)
const source = fc.oneof(
  fc.record({ configMap: fc.record({ name: fc.constant('web'), items: maybe(items) }) }),
  fc.record({ secret: fc.record({ secretName: fc.constant('tls'), items: maybe(items) }) }),
  fc.constant({ emptyDir: {} }),
  fc.constant({ csi: { driver: 'secrets-store.csi.k8s.io' } }),
  fc.record({ projected: fc.record({ sources: fc.array(projection, { maxLength: 4 }) }) }),
)
const volumeNames = ['one', 'two', `v${'x'.repeat(62)}`]
const volumes = fc
  .tuple(source, source, source)
  .map((sources) =>
    sources.map(
      (from, index) => JSON.parse(JSON.stringify({ name: volumeNames[index], ...from })) as V1Volume,
    ),
  )

const mount = fc
  .record({
    name: fc.constantFrom(...volumeNames),
    mountPath: fc.constantFrom(...paths),
    subPath: maybe(file),
    subPathExpr: maybe(fc.constant('$(POD).conf')),
    how: fc.constantFrom(
      {},
      {},
      { readOnly: true, mountPropagation: 'HostToContainer' },
      { readOnly: true, recursiveReadOnly: 'IfPossible', mountPropagation: 'None' },
    ),
  })
  .map(
    ({ how, subPath, subPathExpr, ...rest }): V1VolumeMount =>
      defined({ ...rest, ...how, ...(subPath ? { subPath } : { subPathExpr }) } as V1VolumeMount),
  )
const mounts = fc.uniqueArray(mount, { selector: ({ mountPath }) => mountPath, maxLength: 5 })

const httpGet = { path: '/', port: 80 }
const container = (name: string): fc.Arbitrary<V1Container> =>
  fc
    .record({
      image: fc.constantFrom('nginx', 'nginx', 'prometheus', 'haproxy', 'redis', 'example.org/app'),
      volumeMounts: mounts,
      user: maybe(fc.constantFrom(0, 1000)),
      readOnly: fc.boolean(),
      context: fc.constantFrom(
        {},
        { privileged: true, allowPrivilegeEscalation: true },
        { runAsNonRoot: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        { runAsGroup: 7, seccompProfile: { type: 'RuntimeDefault' } },
      ),
      resources: maybe(
        fc.constantFrom(
          { limits: { cpu: '1', memory: '1Gi' } },
          { limits: { 'ephemeral-storage': '1Gi' } },
          { requests: { cpu: '1' }, limits: { cpu: '1', memory: '1Mi' } },
        ),
      ),
      command: fc.constantFrom<string[] | undefined>(undefined, ['nginx', '-g', '$(POD)'], ['prometheus']),
      env: maybe(
        fc.constantFrom<V1EnvVar[]>(
          [{ name: 'POD', value: 'web' }],
          [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'web', key: 'a' } } }],
        ),
      ),
      envFrom: maybe(
        fc.constant<V1EnvFromSource[]>([{ prefix: 'P_', secretRef: { name: 'tls', optional: true } }]),
      ),
    })
    .map(({ user, readOnly, context, ...rest }) =>
      defined({
        name,
        ...rest,
        securityContext: {
          readOnlyRootFilesystem: readOnly,
          ...context,
          ...(user === undefined ? {} : { runAsUser: user }),
        },
      } as V1Container),
    )

/** A container with fields that native sidecars may have, but other init containers may not. */
const main = (name: string): fc.Arbitrary<V1Container> =>
  fc
    .tuple(
      container(name),
      fc.constantFrom<Partial<V1Container>>(
        {},
        {},
        { livenessProbe: { httpGet, periodSeconds: 3 }, startupProbe: { httpGet } },
        { livenessProbe: { exec: { command: ['true'] } }, readinessProbe: { grpc: { port: 1 } } },
        { ports: [{ containerPort: 80, name: 'http' }], lifecycle: { preStop: { sleep: { seconds: 1 } } } },
        { stdin: true, tty: true },
      ),
    )
    .map(([one, more]) => ({ ...one, ...more }))

const init = fc.oneof(
  container('prepare'),
  main('prepare').map((one) => ({ ...one, restartPolicy: 'Always' })),
)

const podFields = fc.constantFrom<Partial<V1PodSpec>>(
  {},
  {},
  {},
  { hostNetwork: true },
  { hostPID: true },
  { hostUsers: false },
  { os: { name: 'linux' } },
  { securityContext: { runAsUser: 1000, runAsNonRoot: true, fsGroup: 3 } },
  { securityContext: { seLinuxOptions: { level: 's0:c1,c2' }, supplementalGroupsPolicy: 'Strict' } },
  { resources: { limits: { cpu: '8', memory: '8Gi' } } },
  { restartPolicy: 'Never', terminationGracePeriodSeconds: 2, activeDeadlineSeconds: 5 },
  { restartPolicy: 'OnFailure', automountServiceAccountToken: false },
  { schedulingGates: [{ name: 'example.org/gate' }], priorityClassName: '' },
)

/** Names of the containers. */
export const names = ['web', 'istio-proxy', `c${'y'.repeat(62)}`]
export const anySpec: fc.Arbitrary<V1PodSpec> = fc
  .record({
    volumes,
    containers: fc.tuple(...names.map(main)),
    initContainers: maybe(fc.tuple(init)),
    shareProcessNamespace: maybe(fc.boolean()),
    fields: podFields,
  })
  .map(({ fields, ...rest }) => defined({ ...rest, ...fields } as V1PodSpec))

/** At most two of our annotations: most sets of more would contradict themselves. */
export const anyAnnotations = fc
  .subarray(
    [
      { reload: 'none' },
      { reload: 'rollout' },
      { 'reload.web': 'restart' },
      { 'reload.web': 'probe' },
      { 'reload.web': 'supervise' },
      { subpath: 'symlink' },
      { subpath: 'copy' },
      { subpath: 'keep' },
      { env: 'restart' },
      { 'signal.web': 'HUP' },
      { 'command.web': 'app --reload' },
      { 'validate.web': 'app --check' },
      { volumes: 'one' },
      { stagger: '10s' },
      { resources: '{"limits":{"memory":"32Mi"}}' },
    ],
    { maxLength: 2 },
  )
  .map((some) => keys(Object.assign({}, ...some)))

export const bare = (object: ApiObject): ApiObject => ({
  ...object,
  metadata: { ...object.metadata, ownerReferences: [] },
})
