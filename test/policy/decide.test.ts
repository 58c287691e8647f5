import type { V1PodSpec, V1Volume } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { classifyReferences } from '../../src/policy/classify-references.ts'
import { unsuitable } from '../../src/policy/decide.ts'
import { decisionFor, nginx, podSpec } from '../support/builders.ts'

const conf: V1Volume = { name: 'conf', configMap: { name: 'web' } }
const api = nginx({ name: 'api', image: 'example.org/api:1' })
const both = (change: Partial<V1PodSpec> = {}) => podSpec({ containers: [nginx(), api], ...change })

const agents = (spec: V1PodSpec, short: Record<string, string> = {}, bare = false) =>
  decisionFor(spec, short, { bare })
    .plan.containers.filter(({ agent }) => agent)
    .map(({ container }) => container.name)

const uses = (list: readonly { kind: string; name: string }[]) =>
  list.map(({ kind, name }) => `${kind}/${name}`)

describe('whether to inject', () => {
  test('a known program with a ConfigMap is injected', () => {
    expect(decisionFor(podSpec()).skip).toBeUndefined()
    expect(agents(podSpec())).toEqual(['web'])
  })

  test.each<[why: string, spec: V1PodSpec, short: Record<string, string>, skip: string]>([
    ['inject is "false"', podSpec(), { inject: 'false' }, 'notRequested'],
    ['a program that nobody knows', podSpec({ containers: [api] }), {}, 'nothingToWatch'],
    [
      'no volume at all',
      podSpec({ volumes: [], containers: [nginx({ volumeMounts: [] })] }),
      {},
      'nothingToWatch',
    ],
    [
      'a volume that nobody mounts',
      podSpec({ containers: [nginx({ volumeMounts: [] })] }),
      {},
      'nothingToWatch',
    ],
    ['a program that watches by itself', podSpec(), { reload: 'none' }, 'nothingToWatch'],
    ['everything rolls out', podSpec(), { reload: 'rollout' }, 'nothingToWatch'],
    [
      'a volume that holds no configuration',
      podSpec({ volumes: [{ name: 'conf', emptyDir: {} }] }),
      {},
      'nothingToWatch',
    ],
    ['mistakes', podSpec(), { container: 'wep' }, 'invalid'],
    ['processes of the node', podSpec({ hostPID: true }), {}, 'hostPID'],
    ['Windows', podSpec({ os: { name: 'windows' } }), {}, 'windows'],
    ['a node of Windows', podSpec({ nodeSelector: { 'kubernetes.io/os': 'windows' } }), {}, 'windows'],
    [
      'only ServiceAccount admission’s volume',
      podSpec({
        volumes: [
          {
            name: 'kube-api-access-x7k2p',
            projected: { sources: [{ configMap: { name: 'kube-root-ca.crt' } }] },
          },
        ],
        containers: [
          nginx({ volumeMounts: [{ name: 'kube-api-access-x7k2p', mountPath: '/var/run/secrets' }] }),
        ],
      }),
      {},
      'nothingToWatch',
    ],
  ])('not for %s', (_, spec, short, skip) => expect(decisionFor(spec, short).skip).toBe(skip))

  test('a mirror Pod is the kubelet’s', () =>
    expect(unsuitable({ metadata: { annotations: { 'kubernetes.io/config.mirror': '' } } })).toBe(
      'mirrorPod',
    ))
})

describe('which containers', () => {
  test('each that mounts configuration and has a known way', () => {
    expect(agents(both())).toEqual(['web'])
    expect(agents(both(), { 'signal.api': 'HUP' })).toEqual(['web', 'api'])
    expect(agents(both(), { container: 'api', signal: 'HUP' })).toEqual(['api'])
  })

  test.each(['istio-proxy', 'linkerd-proxy', 'vault-agent'])('never %s, unless it is named', (name) => {
    const spec = podSpec({ containers: [nginx(), nginx({ name })] })
    expect(agents(spec)).toEqual(['web'])
    expect(decisionFor(spec, { signal: 'HUP' }).messages).toEqual([])
    expect(agents(spec, { container: name })).toEqual([name])
  })

  test('what is said of one program needs a container’s name where there are several', () => {
    expect(decisionFor(both(), { signal: 'HUP' }).messages).toEqual([
      'hotreload.dev/signal: the Pod has several containers it could mean (web, api); say which, e.g. hotreload.dev/signal.web, or set hotreload.dev/container [HR_SAY_WHICH]',
    ])
    for (const short of [{ url: 'http://127.0.0.1:1/' }, { preset: 'nginx' }, { process: 'x' }])
      expect(decisionFor(both(), short).messages.join()).toContain('HR_SAY_WHICH')
    expect(decisionFor(both(), { reload: 'none', subpath: 'copy' }).messages).toEqual([])
  })

  test('names that the Pod has not are denied, all at once', () => {
    const short = { container: 'web,wep', volumes: 'cnf', 'signal.wep': 'HUP' }
    expect(decisionFor(podSpec(), short).messages).toEqual([
      'hotreload.dev/container: the Pod has no container wep; it has web [HR_UNKNOWN_NAME]',
      'hotreload.dev/volumes: the Pod has no volume cnf; it has conf [HR_UNKNOWN_NAME]',
      'hotreload.dev/signal.wep: the Pod has no container wep; it has web [HR_UNKNOWN_NAME]',
    ])
    expect(decisionFor({ containers: [nginx({ volumeMounts: [] })] }, { volumes: 'x' }).messages).toEqual([
      'hotreload.dev/volumes: the Pod has no volume x; it has no volumes [HR_UNKNOWN_NAME]',
    ])
  })
})

describe('which volumes', () => {
  const spec = podSpec({
    volumes: [conf, { name: 'vault', emptyDir: {} }],
    containers: [
      nginx({
        volumeMounts: [
          { name: 'conf', mountPath: '/conf' },
          { name: 'vault', mountPath: '/vault' },
        ],
      }),
    ],
  })
  const watched = (short: Record<string, string>) =>
    decisionFor(spec, short).plan.containers.flatMap(({ volumes }) => volumes.map(({ name }) => name))

  test('those of ConfigMaps and Secrets, or exactly those that are named', () => {
    expect(watched({})).toEqual(['conf'])
    expect(watched({ volumes: 'vault' })).toEqual(['vault'])
    expect(watched({ volumes: 'conf,vault' })).toEqual(['conf', 'vault'])
  })
})

describe('shared processes', () => {
  const handler = { exec: { command: ['/bin/sh', '-c', 'kill -QUIT 1'] } }

  test('only for a signal', () => {
    expect(decisionFor(podSpec()).plan.shareProcessNamespace).toBe(true)
    expect(decisionFor(podSpec(), { url: 'http://127.0.0.1:1/' }).plan.shareProcessNamespace).toBe(false)
    expect(decisionFor(podSpec(), { reload: 'rollout' }).plan.shareProcessNamespace).toBe(false)
  })

  test('a hook that kills PID 1 would kill the sandbox: a warning, and it is shared', () => {
    const spec = podSpec({ containers: [nginx({ lifecycle: { preStop: handler } })] })
    const { plan, notes } = decisionFor(spec)
    expect(plan.shareProcessNamespace).toBe(true)
    expect(notes).toEqual([
      'container web: preStop runs `kill … 1`, which misses the program once processes are shared; use pkill',
    ])
  })

  test.each([
    [['kill', '-TERM', '1'], true],
    [['sh', '-c', 'kill 1; sleep 1'], true],
    [['sh', '-c', 'kill 17'], false],
    [['sh', '-c', 'skill 1'], false],
    [['sh', '-c', 'kill -HUP "$(cat pid)"; sleep 1'], false],
  ])('%j: %s', (command, warned) => {
    const spec = podSpec({ containers: [nginx({ livenessProbe: { exec: { command } } })] })
    expect(decisionFor(spec).notes.length).toBe(warned ? 1 : 0)
  })

  test('where processes were shared before, nothing changes for a hook', () => {
    const spec = podSpec({
      shareProcessNamespace: true,
      containers: [nginx({ lifecycle: { preStop: handler } })],
    })
    expect(decisionFor(spec).notes).toEqual([])
  })
})

describe('what rolls out, and what reloads in place', () => {
  const env = [{ name: 'A', valueFrom: { secretKeyRef: { name: 'db', key: 'a' } } }]
  const file = podSpec({
    containers: [nginx({ volumeMounts: [{ name: 'conf', mountPath: '/a/b', subPath: 'b' }] })],
  })
  const sorted = (spec: V1PodSpec, short: Record<string, string> = {}) => {
    const { plan } = decisionFor(spec, short)
    const { rollout, inPlace } = classifyReferences(plan)
    return { rollout: uses(rollout), inPlace: uses(inPlace) }
  }

  test.each<
    [what: string, spec: V1PodSpec, short: Record<string, string>, rollout: string[], inPlace: string[]]
  >([
    ['a volume of a known program', podSpec(), {}, [], ['ConfigMap/web']],
    ['a volume of a program that watches', podSpec(), { reload: 'none' }, [], ['ConfigMap/web']],
    ['a volume of an unknown program', podSpec({ containers: [api] }), {}, ['ConfigMap/web'], []],
    [
      'environment variables',
      podSpec({ containers: [nginx({ env })] }),
      {},
      ['Secret/db'],
      ['ConfigMap/web'],
    ],
    [
      'environment variables that are to be ignored',
      podSpec({ containers: [nginx({ env })] }),
      { env: 'ignore' },
      [],
      ['ConfigMap/web'],
    ],
    [
      'an init container',
      podSpec({ initContainers: [nginx({ name: 'prepare' })] }),
      {},
      ['ConfigMap/web'],
      ['ConfigMap/web'],
    ],
    [
      'another injector’s container',
      podSpec({ containers: [nginx(), nginx({ name: 'istio-proxy', env })] }),
      {},
      [],
      ['ConfigMap/web'],
    ],
    [
      'a volume that volumes leaves out',
      both({ volumes: [conf, { name: 'v', emptyDir: {} }] }),
      { volumes: 'v' },
      [],
      [],
    ],
    [
      'a subPath that is kept',
      podSpec({ containers: [nginx({ volumeMounts: [{ name: 'conf', mountPath: '/a/b', subPath: 'b' }] })] }),
      { subpath: 'keep' },
      ['ConfigMap/web'],
      [],
    ],
    [
      'a subPath that is made to update',
      podSpec({ containers: [nginx({ volumeMounts: [{ name: 'conf', mountPath: '/a/b', subPath: 'b' }] })] }),
      {},
      [],
      ['ConfigMap/web'],
    ],
    ['a volume of a Pod that can’t be injected', podSpec({ hostPID: true }), {}, ['ConfigMap/web'], []],
    [
      'a volume of such a Pod whose program watches',
      podSpec({ hostPID: true }),
      { reload: 'none' },
      [],
      ['ConfigMap/web'],
    ],
    ['a subPath of such a Pod', { ...file, hostPID: true }, { reload: 'none' }, ['ConfigMap/web'], []],
  ])('%s', (_, spec, short, rollout, inPlace) => expect(sorted(spec, short)).toEqual({ rollout, inPlace }))
})

describe('notes about subPath', () => {
  const file = (mountPath: string) =>
    podSpec({ containers: [nginx({ volumeMounts: [{ name: 'conf', mountPath, subPath: 'a.conf' }] })] })

  test('what is kept is named, with the reason', () =>
    expect(decisionFor(file('/a.conf'), { subpath: 'symlink' }).notes).toEqual([
      'container web: subPath mount /a.conf is not updated in place: no symlink can be made, it lies in /',
    ]))

  test('a file rewritten in place beside a program that reads when it likes', () =>
    expect(decisionFor(file('/a.conf'), { reload: 'none' }).notes).toEqual([
      'container web: its subPath files are rewritten in place, and it may read one half-written; see docs/limits.md',
    ]))

  test('of a bare Pod they are left, or the next apply would try to change what can’t be changed', () => {
    const spec = podSpec({
      containers: [
        nginx({
          volumeMounts: [
            { name: 'conf', mountPath: '/etc/nginx/conf.d' },
            { name: 'conf', mountPath: '/etc/nginx/a.conf', subPath: 'a.conf' },
          ],
        }),
      ],
    })
    const { plan, notes } = decisionFor(spec, {}, { bare: true })
    expect(plan.containers[0]?.subPaths.map(({ mode }) => mode)).toEqual(['keep'])
    expect(notes).toEqual([
      'container web: subPath mount /etc/nginx/a.conf is not updated in place: the mounts of a bare Pod are left as they are',
    ])
    expect(agents(spec, {}, true)).toEqual(['web'])
  })
})
