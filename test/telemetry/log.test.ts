import { expect, test } from 'vitest'
import { createLog } from '../../src/telemetry/log.ts'

test('a line is JSON with time, level, message and fields, and nothing about the host', () => {
  const lines: string[] = []
  const log = createLog('info', { write: (line) => lines.push(line) })
  log.debug('below the level')
  log.info({ uid: 'u' }, 'review answered')
  expect(lines).toHaveLength(1)
  const line = JSON.parse(lines[0] ?? '')
  expect(line).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    uid: 'u',
    msg: 'review answered',
  })
})
