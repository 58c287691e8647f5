// The project's own images, built from its Dockerfile, on the node.
import { beforeAll, expect, test } from 'vitest'
import { images, namespace, until } from '../support/kube.ts'

let hotreload = ''
let agent = ''
beforeAll(async () => {
  ;[hotreload = '', agent = ''] = await images('hotreload', 'hotreload-agent')
})

const restricted = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  readOnlyRootFilesystem: true,
  seccompProfile: { type: 'RuntimeDefault' },
}

const job = (name: string, image: string, container: object): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    restartPolicy: 'Never',
    containers: [{ name, image, imagePullPolicy: 'Never', securityContext: restricted, ...container }],
  },
})

test('hotreload runs as nobody, without npm, in a restricted namespace', async () => {
  const ns = await namespace({ 'pod-security.kubernetes.io/enforce': 'restricted' })
  const script =
    'id -u; command -v npm npx corepack yarn; exec node /usr/local/lib/hotreload/main.mjs --version'
  await ns.apply(job('look', hotreload, { command: ['sh', '-c', script] }))
  await until('the Pod has succeeded', async () => (await ns.phase('look')) === 'Succeeded', 180_000)
  expect(await ns.logs('look', 'look')).toMatch(/^65532\n\d+\.\d+\.\d+\n$/)
})

test('the agent installs itself from an image that holds nothing else', async () => {
  const ns = await namespace({ 'pod-security.kubernetes.io/enforce': 'restricted' })
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'install' },
    spec: {
      restartPolicy: 'Never',
      initContainers: [
        {
          name: 'install',
          image: agent,
          imagePullPolicy: 'Never',
          args: ['install', '/bin-of-agent/hotreload-agent'],
          securityContext: restricted,
          volumeMounts: [{ name: 'bin', mountPath: '/bin-of-agent' }],
        },
      ],
      containers: [
        {
          name: 'look',
          image: hotreload,
          imagePullPolicy: 'Never',
          command: ['stat', '--format=%a', '/bin-of-agent/hotreload-agent'],
          securityContext: restricted,
          volumeMounts: [{ name: 'bin', mountPath: '/bin-of-agent' }],
        },
      ],
      volumes: [{ name: 'bin', emptyDir: {} }],
    },
  }
  await ns.apply(pod)
  await until('the Pod has succeeded', async () => (await ns.phase('install')) === 'Succeeded', 180_000)
  expect(await ns.logs('install', 'look')).toBe('755\n')
})
