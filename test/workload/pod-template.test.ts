import { describe, expect, test } from 'vitest'
import {
  type ApiObject,
  controller,
  isReplaced,
  podTemplate,
  withPodTemplate,
} from '../../src/workload/pod-template.ts'
import { pod, workload } from '../support/builders.ts'

describe('podTemplate', () => {
  test.each([
    'Deployment',
    'StatefulSet',
    'DaemonSet',
    'ReplicaSet',
    'ReplicationController',
    'Job',
    'Rollout',
    'CronJob',
  ])('of a %s', (kind) => expect(podTemplate(workload({ kind }))?.spec?.containers[0]?.name).toBe('web'))

  test('of a Pod is the Pod', () => {
    const object = pod()
    expect(podTemplate(object)).toBe(object)
  })

  test.each<[string, ApiObject]>([
    ['a Service', { kind: 'Service', spec: { template: { spec: {} } } }],
    ['a kind that every object inherits', { kind: 'constructor', spec: {} }],
    [
      'an Argo Rollout that refers to a Deployment',
      { kind: 'Rollout', spec: { workloadRef: { name: 'web' } } },
    ],
    ['a Deployment without a spec', { kind: 'Deployment' }],
    ['a Deployment whose template is a list', { kind: 'Deployment', spec: { template: [] } }],
    ['a Deployment whose template has no spec', { kind: 'Deployment', spec: { template: { metadata: {} } } }],
    ['an object without a kind', {}],
  ])('of %s is undefined', (_, object) => expect(podTemplate(object)).toBeUndefined())
})

describe('withPodTemplate', () => {
  test.each(['Deployment', 'CronJob', 'Pod'])('of a %s copies only along the path', (kind) => {
    const before =
      kind === 'Pod' ? pod() : workload({ kind, fields: { selector: { matchLabels: { app: 'web' } } } })
    const copy = structuredClone(before)
    const template = { ...podTemplate(before), metadata: { labels: { app: 'other' } } }
    const after = withPodTemplate(before, template)
    expect(podTemplate(after)?.metadata).toEqual({ labels: { app: 'other' } })
    expect(podTemplate(after)?.spec).toBe(podTemplate(before)?.spec)
    expect(before).toEqual(copy)
  })
})

test('the controller is the owner with `controller: true`', () => {
  const owner = { apiVersion: 'v1', kind: 'X', name: 'x', uid: '1' }
  expect(controller({ ownerReferences: [owner, { ...owner, name: 'y', controller: true }] })?.name).toBe('y')
  expect(controller({ ownerReferences: [owner] })).toBeUndefined()
  expect(controller(undefined)).toBeUndefined()
})

describe('new Pods replace', () => {
  const ownedBy = (apiVersion: string, kind: string, labels: Record<string, string> = {}) => ({
    ...pod(),
    metadata: { labels, ownerReferences: [{ apiVersion, kind, name: 'x', uid: '1', controller: true }] },
  })

  test.each<[what: string, object: ApiObject, does: boolean]>([
    ['those of a Deployment', workload(), true],
    ['not those of a CronJob', workload({ kind: 'CronJob' }), false],
    ['not those of a ReplicaSet', workload({ kind: 'ReplicaSet' }), false],
    [
      'a Pod of a Deployment’s ReplicaSet',
      ownedBy('apps/v1', 'ReplicaSet', { 'pod-template-hash': '1' }),
      true,
    ],
    [
      'a Pod of a Rollout’s ReplicaSet',
      ownedBy('apps/v1', 'ReplicaSet', { 'rollouts-pod-template-hash': '1' }),
      true,
    ],
    ['not a Pod of another ReplicaSet', ownedBy('apps/v1', 'ReplicaSet'), false],
    ['a Pod of a StatefulSet', ownedBy('apps/v1', 'StatefulSet'), true],
    ['a Pod of a CloneSet', ownedBy('apps.kruise.io/v1alpha1', 'CloneSet'), true],
    ['not a Pod of a Job', ownedBy('batch/v1', 'Job'), false],
    ['not a Pod of an unknown controller', ownedBy('example.org/v1', 'StatefulSet'), false],
    ['not a bare Pod', { ...pod(), metadata: {} }, false],
  ])('%s', (_, object, does) => expect(isReplaced(object)).toBe(does))
})
