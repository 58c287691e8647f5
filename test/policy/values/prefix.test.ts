import { expect, test } from 'vitest'
import { isOurs } from '../../../src/policy/values/prefix.ts'

test.each([
  ['hotreload.dev/signal', true],
  ['hotreload.dev/', true],
  ['hotreload.dev', false],
  ['sub.hotreload.dev/signal', false],
  ['example.org/hotreload.dev/', false],
])('%s is an annotation of ours: %s', (key, ours) => expect(isOurs(key)).toBe(ours))
