import { expect, test } from 'vitest'
import { parseInstallKey } from '../../../src/cli/serve/install-key.ts'
import { createJobReplacements } from '../../../src/compat/jobs/replace-job.ts'
import { fakeClock } from '../../support/fake-clock.ts'

test('a Job that a finalizer holds keeps neither rollouts nor the API server busy', async () => {
  const clock = fakeClock()
  let held = true
  let made = 0
  let calls = 0
  const metadata = {
    name: 'import',
    namespace: 'shop',
    uid: 'old',
    deletionTimestamp: new Date(0),
  }
  const replacements = createJobReplacements({
    clock,
    api: {
      namespace: 'hotreload-system',
      async call({ method, path }) {
        calls += 1
        if (method === 'GET' || method === 'DELETE') return { status: 200, body: { metadata } }
        if (method === 'PATCH') return { status: 200, body: {} }
        const real = path.endsWith('/jobs')
        if (real && held) return { status: 409, body: {} }
        made += real ? 1 : 0
        return { status: 201, body: {} }
      },
    },
    installKey: () => parseInstallKey('ab'.repeat(32)),
    report: { event() {}, log() {} },
    isLeading: () => true,
  })
  const began = clock.now()
  let over = Number.POSITIVE_INFINITY
  let outcome: string | undefined
  void replacements.replace({ metadata, spec: {} }, '{}').then((result) => {
    over = clock.now() - began
    outcome = result
  })
  await clock.advance(600_000)
  expect(over).toBeLessThan(5_000)
  expect(outcome).toBe('begun')
  expect(calls).toBeLessThan(400)
  held = false
  await clock.advance(35_000)
  expect(made).toBe(1)
  const settled = calls
  await clock.advance(600_000)
  expect(calls).toBe(settled)
})
