import { expect, test } from 'vitest'
import { createProblemLog } from '../../../../src/cli/serve/report/problem-log.ts'
import { UserError } from '../../../../src/errors.ts'
import { createLog } from '../../../../src/telemetry/log.ts'
import { notCreatedYet } from '../../../../src/tls/serving-secret.ts'

test('a problem is logged once, and again after another one or a success; a Secret that is awaited is no error', () => {
  const lines: string[] = []
  const log = createLog('info', {
    write(line) {
      const { level, error } = JSON.parse(line)
      lines.push(`${level}: ${error}`)
    },
  })
  const problem = createProblemLog(log, 'not done; trying again')
  const away = new UserError('HR_AWAY', 'away', 'wait')
  for (const error of [notCreatedYet('s'), notCreatedYet('s'), away, away]) problem.failed(error)
  problem.succeeded()
  expect(problem.failed(away)).toBe('away; wait [HR_AWAY]')
  expect(lines).toEqual([
    expect.stringMatching(/^warn: Secret s does not exist yet; .*\[HR_NO_SECRET\]$/),
    'error: away; wait [HR_AWAY]',
    'error: away; wait [HR_AWAY]',
  ])
})
