/** The demo's cluster where kind and Docker are there. Both are stand-ins here, which note how they were called. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { VERSION } from '../../src/version.ts'
import { repository } from '../cluster/paths.ts'
import { isKindHere, startKind } from './kind.ts'
import { removeAll } from './undo.ts'

let directory = ''
const standIn = (name: string, code = 0): void =>
  writeFileSync(join(directory, name), `#!/bin/sh\necho ${name} "$@" >>${directory}/calls\nexit ${code}\n`, {
    mode: 0o755,
  })
const calls = (): string[] => readFileSync(join(directory, 'calls'), 'utf8').trim().split('\n')

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kind-'))
  for (const name of ['kind', 'kubectl', 'docker']) standIn(name)
  vi.stubEnv('PATH', `${directory}:/usr/bin:/bin`)
  vi.stubEnv('NODE_IMAGE', 'kindest/node:v1')
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(directory, { recursive: true })
})

test('kind counts only where Docker answers', async () => {
  expect(await isKindHere()).toBe(true)
  standIn('docker', 1)
  expect(await isKindHere()).toBe(false)
})

test('a cluster is created with our images and an nginx, and deleted at the end', async () => {
  const kubeconfig = await startKind(() => undefined)
  const ours = ['hotreload', 'hotreload-agent'].flatMap((name) => [
    `docker build --quiet --tag ghcr.io/hotreload/${name}:${VERSION} --target ${name} ${repository}`,
    `kind load docker-image --name hotreload-demo ghcr.io/hotreload/${name}:${VERSION}`,
  ])
  const created = [
    `kind create cluster --name hotreload-demo --kubeconfig ${kubeconfig} --wait 3m --image kindest/node:v1`,
    ...ours,
    'docker build --quiet --tag localhost/nginx:1 -',
    'kind load docker-image --name hotreload-demo localhost/nginx:1',
  ]
  expect(calls()).toEqual(created)
  await removeAll()
  expect(calls()).toEqual([
    ...created,
    `kind delete cluster --name hotreload-demo --kubeconfig ${kubeconfig}`,
  ])
})
