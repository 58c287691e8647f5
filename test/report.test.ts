import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { countCargo, countVitest, sumUp } from './report.ts'

const vitest = (changes: object = {}): string =>
  JSON.stringify({
    numPassedTests: 3,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    testResults: [{ status: 'passed', assertionResults: [{}, {}, {}] }],
    ...changes,
  })
const cargo = `
running 2 tests
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
`
let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'report-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

test('a test file that vitest could not load counts as a failure', () => {
  const broken = vitest({ testResults: [{ status: 'failed', assertionResults: [] }] })
  expect(countVitest(broken)).toEqual({ passed: 3, failed: 1, skipped: 0 })
})

test('countCargo adds up the results of all test programs', () => {
  expect(countCargo(cargo)).toEqual({ passed: 3, failed: 1, skipped: 1 })
})

test('a cargo run that does not compile counts as a failure', () => {
  expect(countCargo('error: could not compile')).toEqual({ passed: 0, failed: 1, skipped: 0 })
})

test('a missing or unreadable report counts as a failure, and sumUp names it', () => {
  writeFileSync(join(directory, 'unit.json'), vitest())
  writeFileSync(join(directory, 'agent.txt'), cargo)
  writeFileSync(join(directory, 'clusters.json'), '{"numPassed')
  const lines: string[] = []
  expect(sumUp(directory, (line) => lines.push(line))).toEqual({ passed: 6, failed: 5, skipped: 1 })
  expect(lines).toEqual([
    expect.stringMatching(/^clusters\.json: unreadable/),
    expect.stringMatching(/^install\.json: no report/),
    expect.stringMatching(/^faults\.json: no report/),
    expect.stringMatching(/^oldest\.json: no report/),
  ])
})
