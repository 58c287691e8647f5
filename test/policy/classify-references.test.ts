import type { V1PodSpec, V1Volume } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { classifyReferences } from '../../src/policy/classify-references.ts'
import { decisionFor, nginx, podSpec } from '../support/builders.ts'

const conf: V1Volume = { name: 'conf', configMap: { name: 'web' } }
const api = nginx({ name: 'api', image: 'example.org/api:1' })
const both = (change: Partial<V1PodSpec> = {}) => podSpec({ containers: [nginx(), api], ...change })

/** The references of a Pod by what a change of them needs. */
const sorted = (spec: V1PodSpec, short: Record<string, string> = {}, isReplaced = true) => {
  const { plan } = decisionFor(spec, short, { isReplaced })
  const { rollout, inPlace } = classifyReferences(plan)
  return { rollout: uses(rollout), inPlace: uses(inPlace) }
}

const uses = (list: readonly { kind: string; name: string }[]) =>
  list.map(({ kind, name }) => `${kind}/${name}`)

describe('a reference rolls out or reloads in place', () => {
  const env = [{ name: 'A', valueFrom: { secretKeyRef: { name: 'db', key: 'a' } } }]
  const file = podSpec({
    containers: [nginx({ volumeMounts: [{ name: 'conf', mountPath: '/a/b', subPath: 'b' }] })],
  })

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
      'environment variables with env: ignore',
      podSpec({ containers: [nginx({ env })] }),
      { env: 'ignore' },
      [],
      ['ConfigMap/web'],
    ],
    [
      'an init container',
      podSpec({ initContainers: [nginx({ name: 'prepare' })] }),
      {},
      ['ConfigMap/web', 'ConfigMap/web'],
      [],
    ],
    [
      'an init container, which the annotation container can’t name',
      podSpec({ initContainers: [nginx({ name: 'prepare', env })] }),
      { container: 'web' },
      ['ConfigMap/web', 'Secret/db', 'ConfigMap/web'],
      [],
    ],
    [
      'variables of a container that the annotation container leaves out',
      podSpec({ containers: [nginx(), { name: 'exporter', image: 'exporter', env }] }),
      { container: 'web' },
      [],
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
      'a volume that the annotation volumes leaves out',
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
      'a subPath that the agent updates',
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

describe('a source has one outcome for all containers', () => {
  const web = 'ConfigMap/web'
  const agentsOf = (spec: V1PodSpec, short: Record<string, string> = {}, isReplaced = true) =>
    decisionFor(spec, short, { isReplaced })
      .plan.containers.filter(({ agent }) => agent)
      .map(({ container, volumes, env }) => [container.name, ...[...volumes, ...env].map(({ name }) => name)])
  const fileOf = (key: string) => ({ name: 'conf', mountPath: `/etc/nginx/${key}`, subPath: key })
  const keyOf = (key: string) => ({ name: 'A', valueFrom: { configMapKeyRef: { name: 'web', key } } })
  const secret: V1Volume = { name: 'conf', secret: { secretName: 'web' } }

  test.each<[what: string, spec: V1PodSpec, rollout: string[], inPlace: string[], agents: string[][]]>([
    ['an unknown container with the same ConfigMap', both(), [web, web], [], []],
    [
      'variables of all its keys',
      podSpec({ containers: [nginx({ envFrom: [{ configMapRef: { name: 'web' } }] })] }),
      [web, web],
      [],
      [],
    ],
    [
      'variables of some keys leave the others',
      podSpec({ containers: [nginx({ env: [keyOf('a')] })] }),
      [web],
      [web],
      [['web', 'conf']],
    ],
    [
      'another container’s key leaves this one',
      podSpec({
        containers: [nginx({ volumeMounts: [fileOf('a')] }), nginx({ ...api, volumeMounts: [fileOf('b')] })],
      }),
      [web],
      [web],
      [['web', 'conf']],
    ],
    [
      'all keys in use, each by another container',
      podSpec({
        containers: [
          nginx({ volumeMounts: [{ name: 'both', mountPath: '/etc/nginx/conf.d' }] }),
          nginx({ ...api, volumeMounts: [fileOf('a')] }),
          nginx({ name: 'b', image: 'b', env: [keyOf('b')], volumeMounts: [] }),
        ],
        volumes: [
          conf,
          { name: 'both', configMap: { name: 'web', items: ['a', 'b'].map((key) => ({ key, path: key })) } },
        ],
      }),
      [web, web, web],
      [],
      [],
    ],
    [
      'the agent stays for another volume',
      podSpec({
        containers: [
          nginx({
            volumeMounts: [
              { name: 'conf', mountPath: '/a' },
              { name: 'own', mountPath: '/b' },
            ],
          }),
          api,
        ],
        volumes: [conf, { name: 'own', configMap: { name: 'own' } }],
      }),
      [web, web],
      ['ConfigMap/own'],
      [['web', 'own']],
    ],
    [
      'a projected volume stays if one of its sources does',
      podSpec({
        containers: [nginx(), api],
        volumes: [
          {
            name: 'conf',
            projected: { sources: [{ configMap: { name: 'web' } }, { secret: { name: 'tls' } }] },
          },
        ],
      }),
      [web, web, 'Secret/tls'],
      ['Secret/tls'],
      [['web', 'conf']],
    ],
    // hotreload may not be allowed to read it, and then the agent is the only one who acts.
    [
      'a Secret stays with the agent',
      both({ volumes: [secret] }),
      ['Secret/web'],
      ['Secret/web'],
      [['web', 'conf']],
    ],
    [
      'a container that is left out counts for nothing',
      podSpec({ containers: [nginx(), nginx({ name: 'istio-proxy', image: 'proxyv2' })] }),
      [],
      [web],
      [['web', 'conf']],
    ],
  ])('%s', (_, spec, rollout, inPlace, agents) => {
    expect(sorted(spec)).toEqual({ rollout, inPlace })
    expect(agentsOf(spec)).toEqual(agents)
  })

  test('not in a Pod that nobody replaces', () => {
    expect(sorted(both(), {}, false)).toEqual({ rollout: [web], inPlace: [web] })
    expect(agentsOf(both(), {}, false)).toEqual([['web', 'conf']])
  })

  test('no restart in place for variables whose source rolls out', () => {
    const spec = podSpec({
      containers: [
        {
          name: 'app',
          image: 'app',
          envFrom: [{ configMapRef: { name: 'web' } }, { configMapRef: { name: 'own' } }],
        },
        api,
      ],
    })
    expect(sorted(spec, { env: 'restart' })).toEqual({ rollout: [web, web], inPlace: ['ConfigMap/own'] })
    expect(agentsOf(spec, { env: 'restart' })).toEqual([['app', 'own']])
  })

  test('a subPath that rolls out is not rewritten, and processes are not shared for it', () => {
    const { plan } = decisionFor(podSpec({ containers: [nginx({ volumeMounts: [fileOf('a')] }), api] }))
    expect(plan.containers[0]).toMatchObject({ reload: { method: 'rollout' }, subPaths: [{ mode: 'keep' }] })
    expect(plan.shareProcessNamespace).toBe(false)
  })

  test('a warning says how to leave out the container that costs another one its reload', () => {
    const { notes } = decisionFor(both())
    expect(notes).toContain(
      'container api: set hotreload.dev/container: web to leave it out, if it needs no new Pods; container web would then reload ConfigMap/web in place',
    )
    expect(sorted(both(), { container: 'web' })).toEqual({ rollout: [], inPlace: [web] })
    const own = podSpec({ containers: [nginx({ envFrom: [{ configMapRef: { name: 'web' } }] })] })
    expect(decisionFor(own).notes).toEqual([])
  })
})

describe('what belongs to the ServiceAccount is no source', () => {
  const token = { serviceAccountToken: { path: 'token' } }
  const ca = { configMap: { name: 'kube-root-ca.crt' } }
  const projected = (...sources: object[]) =>
    sorted(podSpec({ containers: [api], volumes: [{ name: 'conf', projected: { sources } }] }))

  test.each<[what: string, sources: object[], rollout: string[]]>([
    ['the cluster’s CA beside a token', [token, ca], []],
    [
      'beside a token and a ConfigMap, which is one',
      [token, ca, { configMap: { name: 'own' } }],
      ['ConfigMap/own'],
    ],
    ['but the CA alone is one', [ca], ['ConfigMap/kube-root-ca.crt']],
    ['and a ConfigMap beside a token is one', [token, { configMap: { name: 'own' } }], ['ConfigMap/own']],
  ])('%s', (_, sources, rollout) => expect(projected(...sources).rollout).toEqual(rollout))
})

test('a volume is read equally often, however many sources and references it has', () => {
  const readsOf = (count: number): number => {
    let reads = 0
    const sources = Array.from({ length: count }, (_, at) => ({ configMap: { name: `c${at}` } }))
    const projected = {
      get sources() {
        reads += 1
        return sources
      },
    }
    const { plan } = decisionFor(podSpec({ volumes: [{ name: 'conf', projected }] }))
    reads = 0
    expect(classifyReferences(plan).inPlace).toHaveLength(count)
    return reads
  }
  expect(readsOf(100)).toBe(readsOf(10))
})
