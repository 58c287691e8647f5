/** The webhook as a process beside the API server, and Pods that are created at a steady rate, whether or not the answers keep up. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { issueAuthority, issueServing } from '../../src/tls/issue.ts'
import { pause } from '../../test/cluster/run.ts'
import type { Bench } from '../support/controller-process.ts'
import { SHIPPED } from '../support/shipped.ts'

export interface Webhook {
  pid: number | undefined
  stop(): void
}

/** Starts it, and registers its entry for Pods. */
export async function startWebhook(kubectl: Bench['kubectl']): Promise<Webhook> {
  const directory = mkdtempSync(join(tmpdir(), 'hotreload-bench-'))
  const authority = await issueAuthority(new Date())
  const { cert, key } = await issueServing(authority, ['localhost'], new Date())
  writeFileSync(join(directory, 'tls.crt'), cert)
  writeFileSync(join(directory, 'tls.key'), key, { mode: 0o600 })
  // For the bare servers, of which none runs here.
  writeFileSync(join(directory, 'patch.base64'), '')
  const child = fork(join(import.meta.dirname, '../webhook/server.ts'), ['hotreload', directory], {
    execArgv: SHIPPED.flags,
    env: { ...process.env, ...SHIPPED.environment },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const [listening]: { port: number }[] = await once(child, 'message')
  await register(kubectl, listening?.port ?? 0, authority.cert)
  return {
    pid: child.pid,
    stop() {
      child.kill('SIGKILL')
      rmSync(directory, { recursive: true })
    },
  }
}

async function register(kubectl: Bench['kubectl'], port: number, authority: string): Promise<void> {
  const objects = parseAllDocuments(await kubectl(['kustomize', 'deploy'])).map((one) => one.toJS())
  const configuration = objects.find(({ kind }) => kind === 'MutatingWebhookConfiguration')
  const entry = configuration.webhooks.find(({ name }: { name: string }) => name === 'pods.hotreload.dev')
  const url = `https://localhost:${port}/mutate/pods`
  const clientConfig = { url, caBundle: Buffer.from(authority).toString('base64') }
  const registered = { ...configuration, webhooks: [{ ...entry, clientConfig }] }
  await kubectl(['apply', '-f', '-'], JSON.stringify(registered))
}

/** @returns for each the milliseconds from when it was due until it was done, in order of size */
export async function atRate<T>(
  perSecond: number,
  items: readonly T[],
  make: (item: T) => Promise<void>,
): Promise<Float64Array> {
  const from = performance.now()
  const took = await Promise.all(
    items.map(async (item, index) => {
      const due = from + (index * 1_000) / perSecond
      await pause(Math.max(0, due - performance.now()))
      await make(item)
      return performance.now() - due
    }),
  )
  return Float64Array.from(took).toSorted()
}
