/** A real Prometheus on this machine. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../cluster/control-plane.ts'
import { prometheusPrograms } from '../cluster/programs.ts'
import { until } from './until.ts'

export interface Prometheus {
  /** The series that a query selects now. @throws where it is no query */
  ask(expr: string): Promise<unknown[]>
  /** What it scrapes after relabeling. */
  targets(): Promise<{ scrapePool: string; scrapeUrl: string; labels: Record<string, string> }[]>
  stop(): Promise<void>
}

/** @param config of Prometheus, with paths of rule files that are absolute */
export async function startPrometheus(config: object): Promise<Prometheus> {
  const { prometheus } = await prometheusPrograms((line) => console.error(line))
  const directory = await mkdtemp(join(tmpdir(), 'hotreload-prometheus-'))
  const port = await freePort()
  await writeFile(join(directory, 'prometheus.json'), JSON.stringify(config))
  const flags = [
    '--config.file=prometheus.json',
    '--storage.tsdb.path=data',
    `--web.listen-address=127.0.0.1:${port}`,
  ]
  const child = spawn(prometheus, flags, { cwd: directory, stdio: 'ignore' })
  async function get<T>(path: string): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)
    const answer = (await response.json()) as { status: string; error?: string; data: T }
    if (answer.status !== 'success') throw new Error(`${path}: ${answer.error}`)
    return answer.data
  }
  await until('Prometheus answers', () => get('status/buildinfo').catch(() => undefined))
  return {
    async ask(expr) {
      const query = new URLSearchParams({ query: expr })
      return (await get<{ result: unknown[] }>(`query?${String(query)}`)).result
    },
    targets: async () =>
      (await get<{ activeTargets: Awaited<ReturnType<Prometheus['targets']>> }>('targets')).activeTargets,
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await ended
      await rm(directory, { recursive: true })
    },
  }
}
