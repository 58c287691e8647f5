import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { annotate, holder, isAlive, release, take, withLock } from './lock.ts'

let directory = ''
let path = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lock-'))
  path = join(directory, 'lock')
})
afterEach(() => rmSync(directory, { recursive: true }))

/** The id of a process that has ended. */
const endedPid = (): number => spawnSync(process.execPath, ['--version']).pid

test('a lock has one holder, names it, and is free after its release', () => {
  expect(take(path, 'first')).toBeUndefined()
  expect(take(path, 'second')).toEqual({ pid: process.pid, note: 'first' })
  annotate(path, 'more\nlines')
  expect(holder(path)).toEqual({ pid: process.pid, note: 'more\nlines' })
  release(path)
  expect(holder(path)).toBeUndefined()
  expect(readdirSync(directory)).toEqual([])
})

test('the lock of an ended process is free', () => {
  writeFileSync(path, `${endedPid()}\nleft behind`)
  expect(holder(path)).toBeUndefined()
  expect(take(path, 'mine')).toBeUndefined()
  expect(holder(path)?.note).toBe('mine')
})

test('withLock releases the lock when the work fails', async () => {
  await expect(withLock(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(holder(path)).toBeUndefined()
})

test.each([0, -1, Number.NaN, 1.5])('%d is no running process', (pid) => expect(isAlive(pid)).toBe(false))
