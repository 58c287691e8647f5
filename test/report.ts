// Sums up the reports of a test run (`make test` writes them to reports/) in one line. The exit code is 0 only if every runner left a
// report, something passed, nothing failed and nothing was skipped.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Counts {
  passed: number
  failed: number
  skipped: number
}

/** Counts vitest's JSON report. Each file that vitest could not load counts as a failure. */
export function countVitest(text: string): Counts {
  const report: {
    numPassedTests: number
    numFailedTests: number
    numPendingTests: number
    numTodoTests: number
    testResults: { status: string; assertionResults: unknown[] }[]
  } = JSON.parse(text)
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  )
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

/** Counts the output of `cargo test`, which has a line of results for each test program. Without any, the code did not compile: a failure. */
export function countCargo(text: string): Counts {
  const results = [...text.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;/gm)]
  const sum = (column: number): number => results.reduce((total, result) => total + Number(result[column]), 0)
  return { passed: sum(1), failed: results.length === 0 ? 1 : sum(2), skipped: sum(3) }
}

const reports: Readonly<Record<string, (text: string) => Counts>> = {
  'unit.json': countVitest,
  'agent.txt': countCargo,
  'clusters.json': countVitest,
  'install.json': countVitest,
  'faults.json': countVitest,
  'oldest.json': countVitest,
}

/** Adds up all reports in a directory. A missing or unreadable report counts as a failure. */
export function sumUp(directory: string, say: (line: string) => void): Counts {
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const [name, count] of Object.entries(reports)) {
    const path = join(directory, name)
    let counts: Counts = { passed: 0, failed: 1, skipped: 0 }
    try {
      if (existsSync(path)) counts = count(readFileSync(path, 'utf8'))
      else say(`${name}: no report, so its runner crashed or never started`)
    } catch (error) {
      say(`${name}: unreadable (${error instanceof Error ? error.message : String(error)})`)
    }
    total.passed += counts.passed
    total.failed += counts.failed
    total.skipped += counts.skipped
  }
  return total
}

if (import.meta.main) {
  const { passed, failed, skipped } = sumUp(process.argv[2] ?? 'reports', (line) => console.error(line))
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
  process.exitCode = failed === 0 && skipped === 0 && passed > 0 ? 0 : 1
}
