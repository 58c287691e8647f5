// Any text in any annotation that hotreload reads: a reader takes it, or says what is wrong with it.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { excludeKeys, kindKey, reloaderKeys } from '../../src/compat/reloader/annotations.ts'
import { defaultCompatOptions } from '../../src/compat/request/options.ts'
import { readMarks, readRequest } from '../../src/compat/tools.ts'
import { UserError } from '../../src/errors.ts'
import { annotations, PREFIX, sharedWith } from '../../src/policy/annotations.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { readWorkload } from '../../src/policy/read-workload.ts'
import { keys, workload } from '../support/builders.ts'
import { FUZZ_CASES } from '../support/fuzz.ts'

/** Text near to what readers take, so that a case meets more than the first refusal. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc
    .array(
      fc.oneof(
        fc.constantFrom(
          'web',
          'conf',
          'true',
          'SIGHUP',
          '5m',
          '10s',
          ',',
          '/',
          '"',
          '[',
          '{',
          '}',
          '(',
          '.*',
          ':',
          '\\',
          '=',
        ),
        fc.constantFrom(
          'http://127.0.0.1:8080',
          'rollout',
          'restart',
          'nginx',
          '{"limits":{"memory":"',
          '1Gi',
          '-',
          ' ',
        ),
        fc.string({ maxLength: 3 }),
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join('')),
)

const dictionary = (names: fc.Arbitrary<string>) => fc.dictionary(names, text, { maxKeys: 5 })

test('of ours: every mistake has a code, a sentence that a terminal can show, and a remedy', () => {
  const suffix = fc.oneof(fc.constantFrom('', '', '.web', '.none'), fc.string({ maxLength: 5 }))
  const name = fc
    .tuple(fc.constantFrom(...Object.keys(annotations)), suffix)
    .map(([short, container]) => `${PREFIX}${short}${container}`)
  fc.assert(
    fc.property(dictionary(name), dictionary(name), (own, template) => {
      const read = readWorkload(
        workload({ own: { ...own, ...keys({ inject: 'true' }) }, template }),
        builtInDefaults,
      )
      for (const problem of read.problems) {
        expect(problem).toBeInstanceOf(UserError)
        expect(problem.remedy).not.toBe('')
        expect(problem.message).not.toMatch(/\p{Cc}/u)
      }
      for (const sentence of [...read.unknown, ...read.notes]) expect(sentence).not.toMatch(/\p{Cc}/u)
    }),
    { numRuns: FUZZ_CASES },
  )
})

test('of other tools: a request comes out, and its mistakes are sentences that a terminal can show', () => {
  const kinds = ['ConfigMap', 'Secret', 'SecretProviderClass'] as const
  const names = [
    ...Object.values(reloaderKeys),
    ...Object.values(excludeKeys),
    ...kinds.flatMap((kind) => [kindKey(kind, 'auto'), kindKey(kind, 'reload')]),
    'wave.pusher.com/update-on-config-change',
    'wave.pusher.com/extra-configmaps',
    'wave.pusher.com/extra-secrets',
  ]
  fc.assert(
    fc.property(dictionary(fc.constantFrom(...names)), (own) => {
      const object = workload({ own })
      for (const problem of readRequest(object, defaultCompatOptions)?.problems ?? [])
        expect(problem).not.toMatch(/\p{Cc}/u)
      readMarks(object, defaultCompatOptions)
      sharedWith(own)
    }),
    { numRuns: FUZZ_CASES },
  )
})
