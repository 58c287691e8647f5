import { expect, test } from 'vitest'
import { alertsToAll } from '../../src/alerts/all-sinks.ts'
import type { AlertSink } from '../../src/alerts/sink.ts'

const sink = (host: string, template = '{}'): AlertSink => ({ url: new URL(`https://${host}/`), template })
const alert = { reason: 'RolledOut', kind: 'Deployment', namespace: 'shop', name: 'web', message: 'done' }

/** What the queues are told, while `sinks` may change. */
function recorded(sinks: AlertSink[]) {
  const log: string[] = []
  const alerts = alertsToAll(
    () => sinks,
    ({ url, template }) => {
      const name = `${url.hostname} ${template}`
      log.push(`${name} opened`)
      return { send: () => log.push(`${name} told`), stop: () => log.push(`${name} stopped`) }
    },
  )
  return { log, send: () => alerts.send(alert) }
}

test('every sink is told, through one queue each', () => {
  const { log, send } = recorded([sink('a'), sink('b')])
  send()
  send()
  expect(log).toEqual(['a {} opened', 'a {} told', 'b {} opened', 'b {} told', 'a {} told', 'b {} told'])
})

test('one sink named twice is told once', () => {
  const { log, send } = recorded([sink('a'), sink('a')])
  send()
  expect(log).toEqual(['a {} opened', 'a {} told'])
})

test('a sink that is no longer named is told nothing more, and a changed template counts from then on', () => {
  const sinks = [sink('a'), sink('b')]
  const { log, send } = recorded(sinks)
  send()
  log.length = 0
  sinks.splice(0, 2, sink('b', '[]'))
  send()
  expect(log).toEqual(['a {} stopped', 'b {} stopped', 'b [] opened', 'b [] told'])
})
