/** The base images of ours are fixed by content, and a release refuses others. */
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { repository } from '../cluster/paths.ts'

const dockerfile = join(repository, 'Dockerfile')
const script = join(repository, 'deploy/release/pin-bases.sh')
const text = readFileSync(dockerfile, 'utf8')
const check = (path: string) => spawnSync(script, ['--check', path], { encoding: 'utf8' })

let directory = ''
let copy = ''
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'hotreload-bases-'))
  copy = join(directory, 'Dockerfile')
})
afterAll(() => rmSync(directory, { recursive: true }))

test('every FROM names scratch, a stage before it, or an argument that --check reads', () => {
  const known = new Set(['scratch', '${RUST_IMAGE}', '${NODE_IMAGE}'])
  const unknown: string[] = []
  for (const [, base = '', stage = ''] of text.matchAll(/^FROM (\S+) AS (\S+)$/gm)) {
    if (!known.has(base)) unknown.push(base)
    known.add(stage)
  }
  expect(text.match(/^FROM /gm)).toHaveLength(known.size - 3)
  expect(unknown).toEqual([])
  // No stage takes a file from an image.
  expect(
    [...text.matchAll(/--from=(\S+)/g)].map(([, from = '']) => from).filter((from) => !known.has(from)),
  ).toEqual([])
})

test('the base images have digests', () => expect(check(dockerfile)).toMatchObject({ status: 0, stderr: '' }))

test("a base image without a digest, or with a part of one, fails the release's check by name", () => {
  writeFileSync(copy, text.replace(/@sha256:[0-9a-f]+/, ''))
  expect(check(copy)).toMatchObject({ status: 1 })
  expect(check(copy).stderr).toMatch(/Dockerfile: RUST_IMAGE=\S+ has no digest: run make pin-bases\n$/)
  writeFileSync(copy, text.replace(/(NODE_IMAGE=\S+@sha256:[0-9a-f]{60})[0-9a-f]+/, '$1'))
  expect(check(copy).stderr).toMatch(/NODE_IMAGE/)
})

test('pinning replaces each digest with that of its tag, and nothing else', () => {
  copyFileSync(dockerfile, copy)
  const crane = join(directory, 'crane')
  writeFileSync(
    crane,
    '#!/bin/sh\nprintf "sha256:%s\\n" "$(printf %s "$1 $2" | sha256sum | cut -c 1-64)"\n',
    { mode: 0o755 },
  )
  execFileSync(script, [copy], { env: { ...process.env, CRANE: crane } })
  const digests = readFileSync(copy, 'utf8').match(/sha256:[0-9a-f]{64}$/gm)
  expect(digests).toHaveLength(2)
  expect(digests?.filter((digest) => text.includes(digest))).toEqual([])
  const without = (whole: string): string => whole.replaceAll(/sha256:[0-9a-f]{64}$/gm, '')
  expect(without(readFileSync(copy, 'utf8'))).toBe(without(text))
})

test("the image's Node.js is the version with which the tests run", () => {
  const lock: { packages: Record<string, { version: string }> } = JSON.parse(
    readFileSync(join(repository, 'package-lock.json'), 'utf8'),
  )
  const installed = ['x64', 'arm64'].map((name) => lock.packages[`node_modules/node-linux-${name}`]?.version)
  const version = /^ARG NODE_IMAGE=\S+\/node:([\d.]+)-/m.exec(text)?.[1]
  expect(installed).toEqual([version, version])
})
