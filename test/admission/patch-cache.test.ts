import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import type { AdmissionRequest, AdmissionResponse } from '../../src/admission/handler.ts'
import { encode } from '../../src/admission/patch.ts'
import { cachePatches } from '../../src/admission/patch-cache.ts'
import { podHandler } from '../../src/admission/pod-handler.ts'
import { builtInDefaults, type Defaults } from '../../src/policy/defaults.ts'
import { type ApiObject, podTemplate } from '../../src/workload/pod-template.ts'
import { AGENT_IMAGE, keys, nginx, pod, podSpec, requestFor } from '../support/builders.ts'

const tokenVolume = (suffix: string) => ({ name: `kube-api-access-${suffix}`, projected: { sources: [] } })
const tokenMount = (suffix: string) => ({
  name: `kube-api-access-${suffix}`,
  mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
})

/** A Pod as ServiceAccount admission leaves it. */
function podWithToken(suffix: string, short: Record<string, string> = {}): ApiObject {
  const volumeMounts = [{ name: 'conf', mountPath: '/etc/nginx/conf.d' }, tokenMount(suffix)]
  const volumes = [{ name: 'conf', configMap: { name: 'web' } }, tokenVolume(suffix)]
  return pod(podSpec({ containers: [nginx({ volumeMounts })], volumes }), keys(short))
}

const handler = (defaults: () => Defaults = () => builtInDefaults) =>
  podHandler({ agentImage: AGENT_IMAGE, version: '0.0.0', defaults })

/** How often the handler behind it was asked for these Pods, one after the other. */
function timesDecided(
  objects: readonly ApiObject[],
  answer: (request: AdmissionRequest) => AdmissionResponse = () => ({
    allowed: true,
    outcome: 'injected',
    warnings: [],
  }),
  defaults: () => unknown = () => builtInDefaults,
): number {
  let asked = 0
  const remembering = cachePatches((request) => {
    asked += 1
    return answer(request)
  }, defaults)
  for (const object of objects) remembering(requestFor(object))
  return asked
}

test('the handler decides anew for Pods that are alike but of a Deployment, of a Job, and of a user', () => {
  const [ofJob, bare] = [structuredClone(podWithToken('bcdfg')), structuredClone(podWithToken('bcdfg'))]
  for (const owner of ofJob.metadata?.ownerReferences ?? [])
    Object.assign(owner, { apiVersion: 'batch/v1', kind: 'Job' })
  delete bare.metadata?.ownerReferences
  expect(timesDecided([podWithToken('bcdfg'), ofJob, bare])).toBe(3)
})

describe('the handler decides once for the Pods of one template', () => {
  test('with a token volume each', () => {
    expect(timesDecided([podWithToken('bcdfg'), podWithToken('vwxz2')])).toBe(1)
  })

  test('with another name, uid and label', () => {
    const first = podWithToken('bcdfg')
    const metadata = { ...first.metadata, name: 'web-2', uid: 'b', labels: { 'pod-template-hash': '2' } }
    expect(timesDecided([first, { ...first, metadata }])).toBe(1)
  })
})

describe('the handler decides again for any difference in what it reads', () => {
  const first = podWithToken('bcdfg')
  const bare = { ...first, metadata: { ...first.metadata, ownerReferences: [] } }
  test.each<[what: string, other: ApiObject]>([
    ['an annotation', podWithToken('bcdfg', { stagger: '5s' })],
    ['the spec', { ...first, spec: { ...podTemplate(first)?.spec, hostPID: true } }],
    ['who made it', bare],
    ['the kind', { ...first, kind: 'Deployment' }],
    [
      'an annotation that names the token volume',
      podWithToken('bcdfg', { volumes: 'kube-api-access-bcdfg' }),
    ],
  ])('%s', (_, other) => {
    expect(timesDecided([first, other])).toBe(2)
  })

  test('the cluster’s defaults', () => {
    let defaults = {}
    const asked = timesDecided(
      [first, first, first],
      () => {
        defaults = {}
        return { allowed: true, outcome: 'injected', warnings: [] }
      },
      () => defaults,
    )
    expect(asked).toBe(3)
  })
})

describe('an answer for one Pod only is not kept', () => {
  test('a Pod that is skipped: its warning names it', () => {
    const skip: AdmissionResponse = {
      allowed: true,
      outcome: 'skipped',
      warnings: ['Pod web-1 is not injected'],
    }
    expect(timesDecided([pod(), pod()], () => skip)).toBe(2)
  })

  test('a patch that names the token volume', () => {
    const value = { volumeMounts: [tokenMount('bcdfg')] }
    const patch = encode([{ op: 'add', path: '/spec/initContainers', value }])
    const answer: AdmissionResponse = { allowed: true, outcome: 'injected', patch, warnings: [] }
    expect(timesDecided([podWithToken('bcdfg'), podWithToken('vwxz2')], () => answer)).toBe(2)
  })
})

test('a patch that is longer than an ordinary one is not kept', () => {
  const times = (length: number) =>
    timesDecided([pod(), pod()], () => ({
      allowed: true,
      outcome: 'injected',
      patch: 'A'.repeat(length),
      warnings: [],
    }))
  expect([times(32 * 1024), times(32 * 1024 + 4)]).toEqual([1, 2])
})

test('with too many templates, the oldest is dropped', () => {
  const templates = Array.from({ length: 501 }, (_, index) => pod(podSpec(), { build: String(index) }))
  const [first = pod(), second = pod()] = templates
  expect(timesDecided([...templates, first])).toBe(502)
  expect(timesDecided([...templates, first, first, second])).toBe(503)
})

const golden = new URL('../golden/', import.meta.url)
const inputs = readdirSync(golden).filter((name) => /(?<!\.expected)\.yaml$/.test(name))

test.each(inputs)(
  'golden %s: the second Pod of each template gets the same answer as without the cache',
  async (name) => {
    const remembering = handler()
    for (const document of parseAllDocuments(readFileSync(new URL(name, golden), 'utf8'))) {
      const object = document.toJS() as ApiObject | null
      const template = object && podTemplate(object)
      if (!template) continue
      const one = (suffix: string): ApiObject => ({
        ...pod(),
        metadata: {
          ...pod().metadata,
          annotations: { ...template.metadata?.annotations, ...keys({ inject: 'true' }) },
        },
        spec: { ...template.spec, volumes: [...(template.spec?.volumes ?? []), tokenVolume(suffix)] },
      })
      await remembering(requestFor(one('bcdfg')))
      expect(await remembering(requestFor(one('vwxz2')))).toEqual(await handler()(requestFor(one('vwxz2'))))
    }
  },
)
