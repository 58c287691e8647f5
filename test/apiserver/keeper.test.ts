// However a test run ends, nothing of its cluster remains.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import type { Cluster } from '../cluster/cluster.ts'
import { until } from '../support/until.ts'

test('killing a test run removes its cluster', async () => {
  const { runner, state } = await runnerWithCluster()
  expect(programsOf(state)).toEqual(expect.arrayContaining(['etcd', 'kube-apiserver']))
  runner.kill('SIGKILL')
  await until('the keeper has removed everything', () => programsOf(state).length === 0 && !existsSync(state))
})

test('killing a keeper ends its programs, and the next keeper removes its files', async () => {
  const { runner, state, keeper } = await runnerWithCluster()
  process.kill(keeper, 'SIGKILL')
  await until('the programs are gone', () => programsOf(state).length === 0)
  runner.kill('SIGKILL')
  const next = await runnerWithCluster()
  expect(existsSync(state)).toBe(false)
  next.runner.kill('SIGTERM')
  await until('the next cluster is gone, too', () => !existsSync(next.state))
})

/** A process that starts a control plane and waits, as a test run does. */
async function runnerWithCluster(): Promise<{ runner: ChildProcess; state: string; keeper: number }> {
  const module = join(import.meta.dirname, '../cluster/cluster.ts')
  const script = `
    import { startCluster } from ${JSON.stringify(module)}
    const { cluster } = await startCluster({ node: false, say: () => undefined })
    console.log(JSON.stringify(cluster))
    process.stdin.on('end', () => process.exit()).resume() // ends with the test run`
  const argv = ['--input-type=module', '--eval', script]
  const runner = spawn(process.execPath, argv, { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => {
    runner.kill('SIGKILL')
  })
  for await (const line of createInterface({ input: runner.stdout })) {
    const { own }: Cluster = JSON.parse(line)
    if (own) return { runner, ...own }
  }
  throw new Error('no cluster was started')
}

/** Names of the programs that were started with this state directory. */
function programsOf(state: string): string[] {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return processes.flatMap((pid) => {
    try {
      const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      return argv.some((argument) => argument.includes(state)) ? [argv[0]?.replace(/^.*\//, '') ?? ''] : []
    } catch {
      return [] // it ended just now
    }
  })
}
