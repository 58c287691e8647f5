import { expect, test } from 'vitest'
import { alertsToAll } from '../../src/alerts/all-sinks.ts'
import type { AlertSink } from '../../src/alerts/sink.ts'

const sink = (host: string, template = '{}'): AlertSink => ({ url: new URL(`https://${host}/`), template })
const alert = { reason: 'RolledOut', kind: 'Deployment', namespace: 'shop', name: 'web', message: 'done' }

/** The calls of the queues, while `sinks` may change. */
function recorded(sinks: AlertSink[]) {
  const log: string[] = []
  const alerts = alertsToAll(
    () => sinks,
    ({ url, template }) => {
      const name = `${url.hostname} ${template}`
      log.push(`${name} opened`)
      return { send: () => log.push(`${name} sent`), stop: () => log.push(`${name} stopped`) }
    },
  )
  return { log, send: () => alerts.send(alert), stop: () => alerts.stop() }
}

test('every sink gets an alert, through a queue of its own', () => {
  const { log, send } = recorded([sink('a'), sink('b')])
  send()
  send()
  expect(log).toEqual(['a {} opened', 'a {} sent', 'b {} opened', 'b {} sent', 'a {} sent', 'b {} sent'])
})

test('at the end all queues stop, and nothing is sent any more', () => {
  const { log, send, stop } = recorded([sink('a'), sink('b')])
  send()
  log.length = 0
  stop()
  send()
  expect(log).toEqual(['a {} stopped', 'b {} stopped'])
})

test('a sink that is named twice gets an alert once', () => {
  const { log, send } = recorded([sink('a'), sink('a')])
  send()
  expect(log).toEqual(['a {} opened', 'a {} sent'])
})

test('a sink that is no longer named gets no more alerts, and a changed template is used at once', () => {
  const sinks = [sink('a'), sink('b')]
  const { log, send } = recorded(sinks)
  send()
  log.length = 0
  sinks.splice(0, 2, sink('b', '[]'))
  send()
  expect(log).toEqual(['a {} stopped', 'b {} stopped', 'b [] opened', 'b [] sent'])
})
