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
        'namespace shop has no label hotreload.dev/injection=enabled, so hotreload.dev/inject does nothing on this Deployment',
      ],
      reason: 'unlabelled',
    }))

  test('the warning makes sense even if a long name cuts it off', async () => {
    const request = { ...requestFor(workload({ own: IN })), namespace: 'payments-staging-eu-west-1' }
    const { warnings } = await unlabelledHandler(request)
    expect(boundWarnings(warnings)[0]).toMatch(/so hotreload\.dev\/inject does nothing/)
  })

  test('other workloads get no warning', async () => {
    expect((await submit(unlabelledHandler, workload())).warnings).toEqual([])
    expect((await submit(unlabelledHandler, workload({ own: keys({ inject: 'false' }) }))).warnings).toEqual(
      [],
    )
  })
})
