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

/** A Pod's container in which `script` runs with the node of the image. */
const inNode = (script: string): object => ({
  image: hotreload,
  imagePullPolicy: 'Never',
  command: ['node', '--eval', script],
  securityContext: restricted,
})

/** Prints what the image holds besides our bundle, and what its process may do. It runs in the image, so it imports nothing of ours. */
const look = async (): Promise<void> => {
  const { lstatSync, readdirSync, writeFileSync } = process.getBuiltinModule('node:fs')
  // Files of the container runtime and the kubelet, and our bundle.
  const left = /^\/(proc|sys|dev|run|var\/run|etc\/(hosts|hostname|resolv\.conf)|usr\/local\/lib\/hotreload)$/
  const files: string[] = []
  const visit = (directory: string): void => {
    for (const name of readdirSync(directory)) {
      const path = directory === '/' ? `/${name}` : `${directory}/${name}`
      if (left.test(path)) continue
      const entry = lstatSync(path)
      if (entry.isDirectory()) visit(path)
      else files.push(entry.mode & 0o111 ? `${path} (executable)` : path)
    }
  }
  visit('/')
  const failure = (work: () => void): string | undefined => {
    try {
      work()
      return undefined
    } catch (error) {
      return (error as NodeJS.ErrnoException).code
    }
  }
  const { address } = await process.getBuiltinModule('node:dns/promises').lookup('alias.example')
  const result = {
    user: process.getBuiltinModule('node:os').userInfo().username,
    uid: process.getuid?.(),
    write: failure(() => writeFileSync('/new', '')),
    address,
    authorities: process.getBuiltinModule('node:tls').getCACertificates('default').length,
    files,
  }
  console.log(JSON.stringify(result))
}

test('hotreload is node, its libraries and licences, without shell and package manager, as nobody on a read-only root', async () => {
  const ns = await namespace({ 'pod-security.kubernetes.io/enforce': 'restricted' })
  await ns.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'look' },
    spec: {
      restartPolicy: 'Never',
      hostAliases: [{ ip: '192.0.2.1', hostnames: ['alias.example'] }],
      containers: [{ name: 'look', ...inNode(`(${look.toString()})()`) }],
    },
  })
  await until(
    'the Pod has ended',
    async () => /Succeeded|Failed/.test((await ns.phase('look')) ?? ''),
    180_000,
  )
  expect(await ns.phase('look')).toBe('Succeeded')
  const { files, authorities, ...process } = JSON.parse(await ns.logs('look', 'look'))
  expect(process).toEqual({ user: 'nonroot', uid: 65532, write: 'EROFS', address: '192.0.2.1' })
  expect(authorities).toBeGreaterThan(100)
  const programs = files.filter((path: string) => path.endsWith('(executable)') && !/\/lib(64)?\//.test(path))
  expect(programs).toEqual(['/usr/local/bin/node (executable)'])
  const folders =
    /^\/(lib|lib64|usr\/lib|licenses|usr\/share\/common-licenses|var\/lib\/dpkg\/status\.d|etc)\//
  expect(files.filter((path: string) => !folders.test(path) && !programs.includes(path))).toEqual([])
  const licences = [
    'NOTICE',
    'hotreload',
    'libatomic1',
    'libc6',
    'libgcc-s1',
    'libstdc++6',
    'node',
    'npm-packages',
  ]
  expect(files.filter((path: string) => path.startsWith('/licenses/')).toSorted()).toEqual(
    licences.map((name) => `/licenses/${name}.txt`),
  )
})

test('kubectl exec runs node in it', async () => {
  const ns = await namespace({ 'pod-security.kubernetes.io/enforce': 'restricted' })
  const container = { name: 'wait', ...inNode('setInterval(() => {}, 1e6)') }
  await ns.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'wait' },
    spec: { containers: [container] },
  })
  await ns.podReady('wait')
  const version = await ns.kubectl([
    'exec',
    'wait',
    '--',
    'node',
    '/usr/local/lib/hotreload/main.mjs',
    '--version',
  ])
  expect(version).toMatch(/^\d+\.\d+\.\d+\n$/)
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
          ...inNode("console.log((fs.statSync('/bin-of-agent/hotreload-agent').mode & 0o777).toString(8))"),
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
