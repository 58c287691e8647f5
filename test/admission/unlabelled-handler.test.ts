import { describe, expect, test } from 'vitest'
import { unlabelledHandler } from '../../src/admission/unlabelled-handler.ts'
import { boundWarnings } from '../../src/admission/warnings.ts'
import { keys, requestFor, submit, workload } from '../support/builders.ts'

const IN = keys({ inject: 'true' })

describe('in a namespace without the label', () => {
  test('an opted-in workload gets a warning, and nothing else', async () =>
    expect(await submit(unlabelledHandler, workload({ own: IN }))).toMatchObject({
      allowed: true,
      warnings: [
        'kubectl label namespace shop hotreload.dev/injection=enabled: without it hotreload.dev/inject does nothing on this Deployment',
      ],
      reason: 'unlabelled',
    }))

  test('the longest name of a namespace does not cut the warning', async () => {
    const request = { ...requestFor(workload({ own: IN })), namespace: 'n'.repeat(63) }
    const { warnings } = await unlabelledHandler(request)
    expect(boundWarnings(warnings)).toEqual(warnings)
  })

  test('other workloads get no warning', async () => {
    expect((await submit(unlabelledHandler, workload())).warnings).toEqual([])
    expect((await submit(unlabelledHandler, workload({ own: keys({ inject: 'false' }) }))).warnings).toEqual(
      [],
    )
  })
})
