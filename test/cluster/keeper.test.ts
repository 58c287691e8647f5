/** A keeper that stops while Kubernetes is built takes the build with it: minutes of a machine's processors. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { isAlive } from './lock.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'keeper-'))
})
afterEach(() => rmSync(directory, { recursive: true, maxRetries: 10 }))

test('the build ends with the keeper, and the keeper with its standard input', async () => {
  const note = join(directory, 'pid')
  const go = `#!/bin/sh\n[ "$1" = build ] || exit 0\necho $$ >${note}.new\nmv ${note}.new ${note}\nexec sleep 1000\n`
  writeFileSync(join(directory, 'go'), go, { mode: 0o755 })
  const { KUBEBUILDER_ASSETS: _, ...others } = process.env
  const env = {
    ...others,
    XDG_CACHE_HOME: directory,
    TMPDIR: directory,
    PATH: `${directory}:${others['PATH']}`,
  }
  const keeper = spawn(process.execPath, [join(import.meta.dirname, 'keeper.ts')], {
    detached: true,
    env,
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  const ended = new Promise((resolve) => keeper.on('close', resolve))
  await until('the build runs', () => existsSync(note))
  const build = Number(readFileSync(note, 'utf8'))
  expect(isAlive(build)).toBe(true)
  keeper.stdin.end()
  expect(await ended).toBe(0)
  await until('the build has ended', () => !isAlive(build))
})
