import { expect, test } from 'vitest'
import { createAlertSender } from '../../src/alerts/sender.ts'
import type { Alert } from '../../src/alerts/sink.ts'
import { fakeClock } from '../support/fake-clock.ts'

const alert: Alert = {
  reason: 'RolledOut',
  kind: 'Deployment',
  namespace: 'shop',
  name: 'web',
  message: 'a "b"\n\\c',
}

function sink(...answers: (number | 'none')[]) {
  const clock = fakeClock(0)
  const log: string[] = []
  const alerts = createAlertSender({
    clock,
    render: ({ name }) => name,
    async post(body) {
      log.push(`${clock.now()} ${body}`)
      const answer = answers.shift() ?? 'none'
      if (answer === 'none') throw new Error('no answer')
      return answer
    },
    onOutcome: (outcome) => log.push(outcome),
  })
  return { clock, log, alerts }
}

test.each([
  ['sent at once', [200], ['0 web', 'sent']],
  ['sent after retries', [503, 'none', 429, 204], ['0 web', '1000 web', '6000 web', '36000 web', 'sent']],
  ['refused: no retry', [404], ['0 web', 'failed']],
  ['never answered', [], ['0 web', '1000 web', '6000 web', '36000 web', '156000 web', 'failed']],
] as const)('%s', async (_name, answers, expected) => {
  const { clock, log, alerts } = sink(...answers)
  alerts.send(alert)
  await clock.advance(600_000)
  expect(log).toEqual(expected)
})

test('at most 500 alerts wait for a sink that is unreachable', () => {
  const { log, alerts } = sink()
  for (let index = 0; index < 502; index++) alerts.send(alert)
  expect(log.filter((line) => line === 'failed')).toHaveLength(2)
})

test('no retry keeps a stopping process alive', async () => {
  const { clock, log, alerts } = sink(503, 503)
  alerts.send(alert)
  await clock.advance(100)
  expect(clock.timers()).toBe(1)
  alerts.send(alert)
  alerts.stop()
  await clock.advance(0)
  expect(clock.timers()).toBe(0)
  expect(log).toEqual(['0 web', '100 web', 'failed', 'failed'])
})
