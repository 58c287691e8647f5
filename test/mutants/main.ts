// `make mutants`: each row of mutants.ts is written into a copy of the project, and the tests that it names must then fail. A mutant that
// survives is a behaviour that no test protects; a row whose text is gone is out of date. Both fail the run.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { attempt, type Result } from '../cluster/run.ts'
import { type Mutant, mutants } from './mutants.ts'

const ROOT = join(import.meta.dirname, '../..')
/** What the tests read. The packages and what cargo has built are shared with the project. */
const COPIED = ['src', 'test', 'deploy', 'docs', 'certs', 'package.json', 'tsconfig.json', 'vitest.config.ts']

/** Longer than any of these tests takes. A mutant that makes a program wait for ever counts as killed. */
const TIMEOUT_MILLISECONDS = 180_000

const isRust = ({ file }: Mutant): boolean => file.startsWith('agent/')

function runTests(copy: string, tests: string, rust: boolean): Promise<Result> {
  if (!rust)
    return attempt(['vitest', 'run', '--project', 'unit', '--bail', '1', tests], {
      cwd: copy,
      timeoutMs: TIMEOUT_MILLISECONDS,
    })
  return attempt(['cargo', 'test', '--locked', '--quiet', '--lib', tests], {
    cwd: join(copy, 'agent'),
    env: { ...process.env, CARGO_TARGET_DIR: join(ROOT, 'agent/target/mutants') },
    timeoutMs: TIMEOUT_MILLISECONDS,
  })
}

/** A failing test is meant, not a file that no longer compiles or a filter that finds no test. */
function verdict({ code, stdout, stderr }: Result, rust: boolean): 'killed' | 'survived' | 'broken' {
  if (code === null) return 'killed'
  const output = stdout + stderr
  if (code !== 0) return (rust ? /test result: FAILED/ : /Tests .*failed/).test(output) ? 'killed' : 'broken'
  return (rust ? /test result: ok\. [1-9]/ : /Tests .*passed/).test(output) ? 'survived' : 'broken'
}

async function judge(copy: string, mutant: Mutant): Promise<string> {
  const path = join(copy, mutant.file)
  const original = readFileSync(path, 'utf8')
  if (original.split(mutant.from).length !== 2)
    return 'out of date: its text does not stand there exactly once'
  try {
    writeFileSync(
      path,
      original.replace(mutant.from, () => mutant.to),
    )
    const result = await runTests(copy, mutant.tests, isRust(mutant))
    const found = verdict(result, isRust(mutant))
    return found === 'broken'
      ? `broken: no test ran\n${(result.stdout + result.stderr).slice(-2_000)}`
      : found
  } finally {
    writeFileSync(path, original)
  }
}

const copy = mkdtempSync(join(tmpdir(), 'hotreload-mutants-'))
let left = 0
try {
  for (const path of COPIED) cpSync(join(ROOT, path), join(copy, path), { recursive: true })
  cpSync(join(ROOT, 'agent'), join(copy, 'agent'), {
    recursive: true,
    filter: (path) => !path.endsWith('/target'),
  })
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  const chosen = mutants.filter(({ file }) => file.includes(process.argv[2] ?? ''))
  for (const mutant of chosen) {
    const found = await judge(copy, mutant)
    if (found !== 'killed') left += 1
    console.log(`${found === 'killed' ? 'killed' : 'SURVIVED'}  ${mutant.file}: ${mutant.what}`)
    if (found !== 'killed' && found !== 'survived') console.log(`          ${found}`)
  }
  console.log(`${chosen.length - left} of ${chosen.length} mutants killed`)
  if (left > 0 || chosen.length === 0) process.exitCode = 1
} finally {
  rmSync(copy, { recursive: true, force: true })
}
