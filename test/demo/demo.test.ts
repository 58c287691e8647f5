/** The demo's parts that need no cluster, with a real nginx; and that it leaves nothing behind, however it ends. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { until } from '../support/until.ts'

let directory = ''
let demo: ChildProcess
let output = ''
let ended: Promise<number | null>
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'demo-'))
  output = ''
  const argv = [join(import.meta.dirname, 'main.ts'), '--without-node']
  const env = { ...process.env, TMPDIR: directory }
  // Its own process group, as in a terminal.
  demo = spawn(process.execPath, argv, { env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
  demo.stdout?.on('data', (text: Buffer) => (output += text.toString()))
  ended = new Promise((resolve) => demo.on('close', resolve))
})
afterEach(() => rmSync(directory, { recursive: true }))

/** Processes whose program is in the demo's directories: nginx, its workers, its validator. */
const running = (): string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readlinkSync(`/proc/${pid}/exe`).startsWith(directory)
    } catch {
      return false // it has ended meanwhile, or is the kernel's own
    }
  })

test('it shows explain, the diff, and a reload of a real nginx; a mistake is not loaded', async () => {
  expect(await ended, output).toBe(0)
  expect(output).toMatch(/ConfigMap\/site \(site\.conf\) .* SIGHUP to nginx/)
  expect(output).toMatch(/^\+ +- --signal=SIGHUP$/m)
  expect(output).toMatch(/nginx serves "two", [\d.]+ s after the swap\n.*"msg":"reloaded"/)
  expect(output).toMatch(/still serves "two", and the agent says\n.*"code":"HR_VALIDATION_FAILED"/)
  expect(output).toMatch(/nginx serves "three"/)
  expect(output).toMatch(/as before; the download got 5000 of 5000 bytes/)
  expect(readdirSync(directory)).toEqual([])
  await until('nothing runs', () => running().length === 0)
}, 180_000)

test.each(['SIGINT', 'SIGKILL'] as const)(
  'after %s nothing runs',
  async (signal) => {
    await until('nginx runs', () => output.includes('a slow download has begun'), 120_000)
    process.kill(signal === 'SIGINT' ? -(demo.pid ?? 0) : (demo.pid ?? 0), signal)
    expect(await ended).toBe(signal === 'SIGINT' ? 130 : null)
    await until('nothing runs', () => running().length === 0)
    if (signal === 'SIGINT') expect(readdirSync(directory)).toEqual([])
  },
  180_000,
)
