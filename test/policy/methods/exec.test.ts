import { expect, test } from 'vitest'
import { decisionFor, podSpec } from '../../support/builders.ts'

test('a command implies reload: exec', () =>
  expect(decisionFor(podSpec(), { command: 'nginx -s reload' }).plan.containers[0]).toMatchObject({
    reload: { method: 'exec', command: ['nginx', '-s', 'reload'] },
    chosenBy: 'hotreload.dev/command',
  }))

test('reload: exec without a command is denied', () =>
  expect(decisionFor(podSpec(), { reload: 'exec' }).messages).toEqual([
    'hotreload.dev/reload: exec, but container web has no command to run; set hotreload.dev/command [HR_NO_COMMAND]',
  ]))
