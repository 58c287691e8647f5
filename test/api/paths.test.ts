import { expect, test } from 'vitest'
import { collectionOf, pathOf } from '../../src/api/paths.ts'
import { workloadKinds } from '../../src/workload/kinds.ts'

const web = { namespace: 'shop', name: 'web' }

test.each([
  [{ apiVersion: 'apps/v1', kind: 'Deployment', ...web }, '/apis/apps/v1/namespaces/shop/deployments/web'],
  [{ apiVersion: 'v1', kind: 'Pod', ...web }, '/api/v1/namespaces/shop/pods/web'],
  [{ apiVersion: 'batch/v1', kind: 'Job', namespace: 'shop' }, '/apis/batch/v1/namespaces/shop/jobs'],
])('%j is at %s', (object, expected) => expect(pathOf(object)).toBe(expected))

test('an unknown kind has no path', () =>
  expect(() => pathOf({ apiVersion: 'v1', kind: 'Node', ...web })).toThrow(TypeError))

test('the collections of workloads are listed whole', () =>
  expect(workloadKinds.map(collectionOf)).toContainEqual({
    path: '/apis/apps/v1/deployments',
    metadataOnly: false,
  }))
