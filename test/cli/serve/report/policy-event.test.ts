import { expect, test } from 'vitest'
import { createPolicyEvent } from '../../../../src/cli/serve/report/policy-event.ts'
import { UserError } from '../../../../src/errors.ts'
import { recordedApi } from '../../../support/recorded-api.ts'
import { recordReport } from '../../../support/report-recorder.ts'
import { until } from '../../../support/until.ts'

const mistake = new UserError('HR_BAD_POLICY', 'policy file: defaults.env is wrong', 'use auto')

test('the replica that leads writes the mistake on the controller’s Deployment, also where it leads only afterwards', async () => {
  const { api, calls } = recordedApi(() => ({ status: 200, body: { metadata: { uid: 'u' } } }))
  const { report, events } = recordReport()
  const policy = createPolicyEvent(api, report)
  policy.changed(mistake)
  expect(calls).toEqual([])
  policy.leads(true)
  await until('the Event', () => events.length === 1)
  expect(events[0]).toEqual({
    kind: 'Deployment',
    name: 'hotreload-controller',
    reason: 'PolicyInvalid',
    message:
      'policy file: defaults.env is wrong; use auto [HR_BAD_POLICY]. The last good policy stays in use',
  })
  policy.changed(undefined)
  policy.leads(false)
  policy.leads(true)
  expect(calls).toHaveLength(1)
})

test('without its Deployment a log line says that there is no Event', async () => {
  const { api } = recordedApi(() => ({ status: 404, body: {} }))
  const { report, events, lines } = recordReport()
  const policy = createPolicyEvent(api, report)
  policy.leads(true)
  policy.changed(mistake)
  await until('the line', () => lines.length === 1)
  expect(events).toEqual([])
})
