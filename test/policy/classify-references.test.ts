import type { V1PodSpec, V1Volume } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { classifyReferences } from '../../src/policy/classify-references.ts'
import { decisionFor, nginx, podSpec } from '../support/builders.ts'

const conf: V1Volume = { name: 'conf', configMap: { name: 'web' } }
const api = nginx({ name: 'api', image: 'example.org/api:1' })
const both = (change: Partial<V1PodSpec> = {}) => podSpec({ containers: [nginx(), api], ...change })

const uses = (list: readonly { kind: string; name: string }[]) =>
  list.map(({ kind, name }) => `${kind}/${name}`)

describe('a reference rolls out or reloads in place', () => {
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
