/** What `npm ci` installs on any platform is fixed by content: package-lock.json has a digest of each package. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

interface Entry {
  integrity?: string
  resolved?: string
}

const text = readFileSync(join(import.meta.dirname, '../package-lock.json'), 'utf8')
const lock: { packages: Record<string, Entry> } = JSON.parse(text)
const entries = Object.entries(lock.packages).filter(([path]) => path !== '')
const pathsWhere = (is: (entry: Entry) => boolean): string[] =>
  entries.filter(([, entry]) => is(entry)).map(([path]) => path)

// npm leaves out the digests of other platforms' packages when it has a node_modules to read (docs/dependencies.md has the cure).
test('package-lock.json has the SHA-512 of each package, also of those for other platforms', () => {
  expect(entries.length).toBeGreaterThan(200)
  expect(pathsWhere(({ integrity = '' }) => !/^sha512-[\w+/]{86}==$/.test(integrity))).toEqual([])
})

test('package-lock.json names no registry: each machine uses its own', () =>
  expect(pathsWhere(({ resolved }) => resolved !== undefined)).toEqual([]))
