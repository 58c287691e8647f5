import { expect, test } from 'vitest'
import { defaultCompatOptions } from '../../../src/compat/request/options.ts'
import { summarize } from '../../../src/controller/decide/workload-summary.ts'
import { builtInDefaults } from '../../../src/policy/defaults.ts'
import { deployment } from '../../support/controller.ts'

test.each([
  ['nothing', undefined, undefined, false],
  ['its own', 'true', undefined, true],
  ['the policy file’s', undefined, 'true', true],
  ['its own against the policy file’s', 'false', 'true', false],
])('paused by %s', (_, own, cluster, paused) => {
  const key = (value: string | undefined) => (value === undefined ? {} : { 'hotreload.dev/pause': value })
  const workload = deployment('web', { metadata: { 'hotreload.dev/inject': 'true', ...key(own) } })
  const defaults = { ...builtInDefaults, annotations: key(cluster) }
  expect(summarize(workload, { defaults, compat: defaultCompatOptions })?.isPaused).toBe(paused)
})
