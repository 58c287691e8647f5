// What `make reach` counts.
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { attempt } from '../cluster/run.ts'
import { podSpec, workload } from '../support/builders.ts'
import { reachOf } from './reach.ts'

const volumeMounts = [{ name: 'conf', mountPath: '/etc/caddy' }]
const env = [{ name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'colors', key: 'main' } } }]
const runs = (image: string, change: object = {}) =>
  podSpec({ containers: [{ name: 'app', image, volumeMounts, ...change }] })

test('references by outcome, for volumes and for variables, and workloads with an agent', () => {
  const { workloads, withAgent, volumes, variables } = reachOf([
    workload({ spec: runs('nginx', { env }) }),
    workload({ spec: runs('caddy', { args: ['run', '--watch'] }) }),
    workload({ spec: runs('shop/api', { env }) }),
    workload({ spec: runs('shop/report'), kind: 'Job' }),
    { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'report' }, spec: runs('shop/report') },
    { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'conf' } },
  ])
  expect([workloads, withAgent]).toEqual([5, 1])
  const counts = {
    reloaded: 0,
    watched: 0,
    restarted: 0,
    'rolled out': 0,
    'next run': 0,
    'left alone': 0,
    nothing: 0,
  }
  expect(volumes).toEqual({
    ...counts,
    reloaded: 1,
    watched: 1,
    'rolled out': 1,
    'next run': 1,
    nothing: 1,
  })
  expect(variables).toEqual({ ...counts, 'rolled out': 2 })
})

test('programs by preset, or by image and command', () => {
  const { known, unknown } = reachOf([
    workload({ spec: runs('registry:5000/library/nginx:1.27') }),
    workload({ spec: runs('registry:5000/shop/api:2@sha256:abc') }),
    workload({ spec: runs('docker.io/shop/api:1') }),
    workload({ spec: runs('api', { command: ['/bin/sh', '-c', 'exec\napi'] }) }),
  ])
  expect([...known.keys()]).toEqual(['nginx'])
  expect([...unknown].map(([name, { containers }]) => [name, containers])).toEqual([
    ['shop/api', 2],
    ['api (/bin/sh -c exec api)', 1],
  ])
})

test('a mistake is named, and its workload counts', () => {
  const { workloads, failures } = reachOf([
    workload({ own: { 'hotreload.dev/inject': 'true', 'hotreload.dev/signal': 'HUPP' } }),
  ])
  expect(workloads).toBe(1)
  expect(failures[0]).toContain('Deployment web: hotreload.dev/signal: "HUPP"')
})

test('the program prints the shares of a folder', async () => {
  const CORPUS = join(import.meta.dirname, '../golden')
  const run = (env: NodeJS.ProcessEnv) => attempt(['node', join(import.meta.dirname, 'main.ts')], { env })
  const { code, stdout } = await run({ ...process.env, CORPUS })
  expect(code).toBe(0)
  expect(stdout).toMatch(/^\d+ workloads, \d+ of them get an agent$/m)
  expect(stdout).toMatch(/^in volumes +\d+ +\d+ \(\d+ %\)/m)
  expect(await run({ ...process.env, CORPUS: '' })).toMatchObject({ code: 2 })
})
