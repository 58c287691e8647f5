import { expect, test } from 'vitest'
import { didYouMean } from '../../../src/policy/values/did-you-mean.ts'

const known = ['signal', 'stagger', 'url', 'reload']

test.each([
  ['singal', 'signal'],
  ['signl', 'signal'],
  ['signall', 'signal'],
  ['sxgnal', 'signal'],
  ['reloads', 'reload'],
  ['ulr', 'url'],
  ['zzz', undefined],
  ['', undefined],
])('%j means %s', (word, meant) => expect(didYouMean(word, known)).toBe(meant))

test('no known word, no suggestion', () => expect(didYouMean('signal', [])).toBeUndefined())
