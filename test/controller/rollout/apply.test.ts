import { expect, test } from 'vitest'
import { applyBody } from '../../../src/controller/rollout/apply.ts'
import { summaryOf } from '../../support/summaries.ts'

const identity = { name: 'web', namespace: 'shop', uid: 'u-web', resourceVersion: '7' }
const checksums = new Map([['ConfigMap/web', 'abc']])
const annotation = { 'hotreload.dev/checksum': '{"ConfigMap/web":"abc"}' }

test('our own checksums go into the template, on exactly the version that was reconciled', () => {
  expect(applyBody(summaryOf(), { native: checksums, compat: undefined })).toEqual({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: identity,
    spec: { template: { metadata: { annotations: annotation } } },
  })
})

test('other tools’ checksums go into the metadata, beside the fields that the tool writes', () => {
  const writtenBack = {
    metadata: { 'tool/at': '1' },
    template: { 'tool/hash': '2' },
    containers: [{ name: 'web', env: [{ name: 'X', value: '3' }] }],
    spec: { restartAt: '4' },
  }
  expect(applyBody(summaryOf(), { native: undefined, compat: { checksums, writtenBack } })).toMatchObject({
    metadata: { ...identity, annotations: { ...annotation, 'tool/at': '1' } },
    spec: {
      restartAt: '4',
      template: {
        metadata: { annotations: { 'tool/hash': '2' } },
        spec: { containers: writtenBack.containers },
      },
    },
  })
})

test('without checksums no annotation is written', () => {
  const { metadata, spec } = applyBody(summaryOf(), { native: new Map(), compat: undefined })
  expect([metadata, spec]).toEqual([identity, { template: {} }])
})
