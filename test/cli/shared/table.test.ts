import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { type Output, readQueryOptions } from '../../../src/cli/shared/query-flags.ts'
import { progressLine, writeAnswer } from '../../../src/cli/shared/query-output.ts'
import { formatTable } from '../../../src/cli/shared/table.ts'

test('columns are aligned, and no line ends in blanks', () =>
  expect(
    formatTable(
      ['A', 'LONGER', 'LAST'],
      [
        ['value', 'x', ''],
        ['v', 'é', 'said'],
      ],
    ),
  ).toBe('A       LONGER   LAST\nvalue   x\nv       é        said\n'))

test('the last column is wrapped at words to the terminal’s width', () =>
  expect(formatTable(['A', 'WHAT'], [['x', 'one two three four five six seven eight']], 40)).toBe(
    'A   WHAT\nx   one two three four five six seven\n    eight\n',
  ))

test('text of objects can’t move the cursor or start a line', () =>
  expect(formatTable(['A'], [['\u001b[31mred\u001b[0m\r\nnext\u0007']])).toBe('A\nred next\n'))

async function written(output: Output, env: NodeJS.ProcessEnv, isTTY: boolean) {
  const stdout = Object.assign(new PassThrough(), { isTTY, columns: 80 })
  const io = { stdin: Readable.from(['']), stdout, stderr: new PassThrough(), env }
  writeAnswer(io, output, { kind: 'FindingList', items: [{ mode: '0644' }] }, () =>
    formatTable(['RESULT', 'WHAT'], [['ok', 'is ok   now']]),
  )
  stdout.end()
  return text(stdout)
}

test.each<[string, Output, NodeJS.ProcessEnv, boolean, string]>([
  ['a pipe gets no colour', 'table', {}, false, 'RESULT   WHAT\nok       is ok   now\n'],
  ['NO_COLOR is honoured', 'table', { NO_COLOR: '1' }, true, 'RESULT   WHAT\nok       is ok   now\n'],
  ['a dumb terminal too', 'table', { TERM: 'dumb' }, true, 'RESULT   WHAT\nok       is ok   now\n'],
  [
    'a terminal has it',
    'table',
    { NO_COLOR: '' },
    true,
    'RESULT   WHAT\n\u001b[32mok\u001b[0m       is ok   now\n',
  ],
  [
    'JSON',
    'json',
    {},
    true,
    '{\n  "apiVersion": "cli.hotreload.dev/v1",\n  "kind": "FindingList",\n  "items": [\n    {\n      "mode": "0644"\n    }\n  ]\n}\n',
  ],
  [
    'YAML, quoted as the API server’s',
    'yaml',
    {},
    true,
    'apiVersion: cli.hotreload.dev/v1\nkind: FindingList\nitems:\n  - mode: "0644"\n',
  ],
])('%s', async (_, output, env, isTTY, expected) => expect(await written(output, env, isTTY)).toBe(expected))

test('a state has its colour at the end of a line, too', async () => {
  const stdout = Object.assign(new PassThrough(), { isTTY: true, columns: 40 })
  const io = { stdin: Readable.from(['']), stdout, stderr: new PassThrough(), env: {} }
  const long = 'the Pods are replaced, since its variables are fixed'
  writeAnswer(io, 'table', { kind: 'ExplanationList', items: [] }, (columns) =>
    formatTable(['A CHANGE OF', 'IS', 'WHY'], [['ConfigMap/web', 'rolled out', long]], columns),
  )
  stdout.end()
  expect(await text(stdout)).toBe(
    'A CHANGE OF     IS\nConfigMap/web   \u001b[33mrolled out\u001b[0m\n    the Pods are replaced, since its\n    variables are fixed\n',
  )
})

test.each([
  'CrashLoopBackOff',
  'ErrImageNeverPull',
  'CreateContainerConfigError',
  'Error',
  'OOMKilled',
  'held',
  'reverted',
  'unhealthy',
])('%s is red', async (state) => {
  const stdout = Object.assign(new PassThrough(), { isTTY: true })
  const io = { stdin: Readable.from(['']), stdout, stderr: new PassThrough(), env: {} }
  writeAnswer(io, 'table', { kind: 'AgentStatusList', items: [] }, () => `web-1   ${state}\n`)
  stdout.end()
  expect(await text(stdout)).toBe(`web-1   \u001b[31m${state}\u001b[0m\n`)
})

test('progress is one overwritten line on a terminal, and nothing elsewhere', async () => {
  for (const isTTY of [true, false]) {
    const stderr = Object.assign(new PassThrough(), { isTTY })
    const progress = progressLine({ stdin: Readable.from(['']), stdout: new PassThrough(), stderr, env: {} })
    progress.show('asking 1 of 2')
    progress.end()
    stderr.end()
    expect(await text(stderr)).toBe(isTTY ? '\r\u001b[Kasking 1 of 2\r\u001b[K' : '')
  }
})

test('shared flags', () => {
  expect(readQueryOptions({ namespace: 'shop' })).toEqual({ namespace: 'shop', output: 'table' })
  expect(() => readQueryOptions({ output: 'wide' })).toThrow(
    /--output: "wide" is not a format; use table, json, yaml/,
  )
  expect(() => readQueryOptions({ context: ' ' })).toThrow(/--context: is empty.*HR_BAD_FLAG/)
})
