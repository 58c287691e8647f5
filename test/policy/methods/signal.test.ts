import { describe, expect, test } from 'vitest'
import { signal } from '../../../src/policy/methods/signal.ts'
import { decisionFor, nginx, podSpec } from '../../support/builders.ts'

const api = podSpec({ containers: [nginx({ name: 'api', image: 'example.org/api:1' })] })

describe('a signal', () => {
  test('is missing with reload: signal alone', () =>
    expect(decisionFor(api, { reload: 'signal' }).messages).toEqual([
      'hotreload.dev/reload: signal, but container api has none; set hotreload.dev/signal, e.g. SIGHUP, if the program reloads on it [HR_NO_SIGNAL]',
    ]))

  test('is missing with a process alone', () => {
    const { messages } = decisionFor(api, { process: 'api' })
    expect(messages).toHaveLength(1)
    expect(messages[0]).toContain('hotreload.dev/process: container api has no signal to send')
  })

  test('comes from a preset with reload: signal', () =>
    expect(decisionFor(podSpec(), { reload: 'signal' }).plan.containers[0]?.chosenBy).toBe('preset nginx'))

  test('has a flag for each process and each required argument', () =>
    expect(
      signal.flags({
        method: 'signal',
        signal: 'SIGUSR2',
        processes: ['a', 'b'],
        requireArguments: ['-W', '-Ws'],
      }),
    ).toEqual([
      '--reload=signal',
      '--signal=SIGUSR2',
      '--process=a',
      '--process=b',
      '--require-argument=-W',
      '--require-argument=-Ws',
    ]))
})
