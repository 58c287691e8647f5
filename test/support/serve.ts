/** `hotreload serve` as a separate process, against the cluster of the test run. */
import { type ChildProcess, spawn } from 'node:child_process'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cluster, kubectl, type Namespace } from './kube.ts'

const MAIN = join(import.meta.dirname, '../../src/main.ts')

export interface Line {
  level: string
  error?: string
}

export interface Serve {
  child: ChildProcess
  /** Its working directory, which has only its kubeconfig at the start. */
  directory: string
  /** Everything it has written so far. */
  log: () => string
  /** Lines of the log with this message. */
  logged: (message: string) => Line[]
  /** Kills it with SIGKILL, and removes its directory. */
  stop: () => Promise<void>
}

/** @param own the namespace of its Lease and baselines, set in the kubeconfig. @param node flags of Node.js */
export async function startServe(own: Namespace, flags: string[], node: string[] = []): Promise<Serve> {
  const directory = await mkdtemp(join(tmpdir(), 'hotreload-serve-'))
  const file = join(directory, 'kubeconfig')
  await copyFile(cluster().kubeconfig, file)
  await kubectl(['config', '--kubeconfig', file, 'set-context', '--current', `--namespace=${own.name}`])
  const argv = [...node, MAIN, 'serve', `--kubeconfig=${file}`, '--metrics-port=0', ...flags]
  const child = spawn(process.execPath, argv, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (log += String(text)))
  return {
    child,
    directory,
    log: () => log,
    logged: (message) =>
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
