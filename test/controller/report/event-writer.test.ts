import { expect, test } from 'vitest'
import { createEventWriter } from '../../../src/controller/report/event-writer.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const about = (name: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  namespace: 'shop',
  name,
  uid: name,
})

function writer() {
  const answers: (() => void)[] = []
  const messages: unknown[] = []
  const names: unknown[] = []
  let failed = 0
  let asked = 0
  const clock = fakeClock()
  const events = createEventWriter({
    api: {
      namespace: 'hotreload-system',
      async call({ body }) {
        asked += 1
        messages.push(Object(body).message)
        names.push(Object(body).metadata.name)
        await new Promise<void>((resolve) => answers.push(resolve))
        return { status: 201, body: {} }
      },
    },
    clock,
    identity: 'a',
    onError: () => (failed += 1),
  })
  const answerAll = async () => {
    while (answers.length > 0) {
      for (const answer of answers.splice(0)) answer()
      await new Promise(setImmediate)
    }
  }
  return { events, messages, names, clock, answers, answerAll, failed: () => failed, asked: () => asked }
}

test('thousands at once, as a new leader writes them, leave connections to other calls', async () => {
  const { events, answers, answerAll, asked, failed } = writer()
  for (let index = 0; index < 1_000; index++)
    events.write(about(`w${index}`), 'Warning', 'NotInjected', 'why')
  expect(answers.length).toBeLessThanOrEqual(4)
  await answerAll()
  expect([asked(), failed()]).toEqual([1_000, 0])
})

test('Events beyond the bound of the queue are dropped at once', async () => {
  const { events, answerAll, asked, failed } = writer()
  for (let index = 0; index < 20_000; index++)
    events.write(about(`w${index}`), 'Warning', 'NotInjected', 'why')
  await answerAll()
  expect(asked() + failed()).toBe(20_000)
  expect(failed()).toBeGreaterThan(10_000)
})

test('a message is cut to what the API server stores, which counts bytes', () => {
  const { events, messages } = writer()
  for (const text of ['a', 'ü', '字', 'a😀']) {
    events.write(about(text), 'Normal', 'Reloaded', text.repeat(1_024))
    const message = String(messages.pop())
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(1_024)
    expect(message.length).toBeGreaterThan(300)
  }
})

test.each(['.', '-'])('a long name that is cut before a %s makes a legal one', (separator) => {
  const { events, names } = writer()
  events.write(about(`${'a'.repeat(199)}${separator}b`), 'Normal', 'Reloaded', 'it changed')
  expect(names).toEqual([expect.stringMatching(/^a{199}\.[0-9a-f]+$/)])
})

test('the warnings on one workload make none of another’s repeat', async () => {
  const { events, clock, answerAll, asked, failed } = writer()
  const warn = (name: string, message: string) => events.write(about(name), 'Warning', 'NotInjected', message)
  expect(warn('web', 'why')).toBe(true)
  for (let index = 0; index < 30_000; index++) warn('nasty', `${index}`)
  expect(warn('web', 'why')).toBe(false)
  expect(warn('other', 'why')).toBe(true)
  await answerAll()
  expect([asked(), failed()]).toEqual([52, 29_950])
  await clock.advance(600_000)
  expect([warn('web', 'why'), warn('nasty', 'new')]).toEqual([true, true])
})
