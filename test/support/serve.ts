/** `hotreload serve` as a process of its own, against the cluster of the test run: what it says, and how it dies. */
import { type ChildProcess, spawn } from 'node:child_process'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject } from 'vitest'
import { kubectl, type Namespace } from './kube.ts'

const MAIN = join(import.meta.dirname, '../../src/main.ts')

export interface Line {
  level: string
  error?: string
}

export interface Serve {
  child: ChildProcess
  /** Its working directory, in which nothing else is but its kubeconfig. */
  directory: string
  /** All it has written so far. */
  log: () => string
  /** Lines of the log with this message. */
  said: (message: string) => Line[]
  /** SIGKILL, and its directory goes. */
  stop: () => Promise<void>
}

/** @param own the namespace of its Lease and baselines, as the kubeconfig says. @param node flags of node's */
export async function startServe(own: Namespace, flags: string[], node: string[] = []): Promise<Serve> {
  const directory = await mkdtemp(join(tmpdir(), 'hotreload-serve-'))
  const file = join(directory, 'kubeconfig')
  await copyFile(inject('cluster').kubeconfig, file)
  await kubectl(['config', '--kubeconfig', file, 'set-context', '--current', `--namespace=${own.name}`])
  const argv = [...node, MAIN, 'serve', `--kubeconfig=${file}`, '--metrics-port=0', ...flags]
  const child = spawn(process.execPath, argv, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (log += String(text)))
  return {
    child,
    directory,
    log: () => log,
    said: (message) =>
      log
        .split('\n')
        .filter((line) => line.includes(`"msg":"${message}"`))
        .map((line) => JSON.parse(line)),
    async stop() {
      child.kill('SIGKILL')
      await rm(directory, { recursive: true })
    },
  }
}
