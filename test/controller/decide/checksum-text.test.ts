import { expect, test } from 'vitest'
import { defaultCompatOptions } from '../../../src/compat/request/options.ts'
import { checksumText } from '../../../src/controller/decide/checksum-text.ts'
import { diffSources } from '../../../src/controller/decide/source-diff.ts'
import { usedSources } from '../../../src/controller/decide/used-sources.ts'
import { keys } from '../../support/builders.ts'
import { sourceState, summaryOf } from '../../support/summaries.ts'

function text(checksum: string | undefined, observed: string) {
  const template = keys({ inject: 'true', ...(checksum === undefined ? {} : { checksum }) })
  const summary = summaryOf({ template })
  const used = usedSources(summary, { native: true, compat: true, isNamespace: () => true }, () => [])
  const diff = diffSources(summary, used, {
    stateOf: () => sourceState(observed),
    baseline: new Map(),
    installKey: undefined,
    compat: defaultCompatOptions,
  })
  return checksumText(summary, diff)
}

test('equal where a rollout would write what the annotations say', () => {
  const { current, desired } = text('{"ConfigMap/web":"a"}', 'a')
  expect(current).toBe(desired)
})

test('sources that no longer count make no difference', () => {
  const { current, desired } = text('{"ConfigMap/web":"a","ConfigMap/gone":"b"}', 'a')
  expect(current).toBe(desired)
})

test.each([
  ['another checksum', '{"ConfigMap/web":"a"}'],
  ['no annotation', undefined],
])('different after %s', (_name, checksum) => {
  const { current, desired } = text(checksum, 'b')
  expect(current).not.toBe(desired)
  expect(text('{"ConfigMap/web":"b"}', 'b').desired).toBe(desired)
})
