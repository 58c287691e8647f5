import type { V1Volume } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { rewriteObstacle } from '../../../src/policy/mounts/in-place-files.ts'

const SHELL = 'a shell reads a script while it runs it'
const MAPPED = 'programs map such a file into memory'
const obstacle = (volume: Omit<V1Volume, 'name'>, path: string, mountPath = `/app/${path}`) =>
  rewriteObstacle({ name: 'v', ...volume })(path, mountPath)
const items = [
  { key: 'run', path: 'bin/run', mode: 0o755 },
  { key: 'conf', path: 'conf', mode: 0o644 },
  { key: 'other', path: './other' },
]

describe('a file with an execute bit is not rewritten in place', () => {
  test.each<[what: string, volume: Omit<V1Volume, 'name'>, path: string, expected: string | undefined]>([
    ['no mode', { configMap: { name: 'c' } }, 'run', undefined],
    ['the default mode of a ConfigMap', { configMap: { name: 'c', defaultMode: 0o755 } }, 'run', SHELL],
    ['the default mode of a Secret', { secret: { secretName: 's', defaultMode: 0o500 } }, 'run', SHELL],
    [
      'the default mode of a projected volume',
      { projected: { defaultMode: 0o555, sources: [] } },
      'run',
      SHELL,
    ],
    ['a group that may execute', { configMap: { name: 'c', defaultMode: 0o410 } }, 'run', SHELL],
    ['the mode of an item', { configMap: { name: 'c', items } }, 'bin/run', SHELL],
    ['another item', { configMap: { name: 'c', items } }, 'conf', undefined],
    ['an item without the bit', { configMap: { name: 'c', items, defaultMode: 0o755 } }, 'conf', undefined],
    ['an item without a mode', { configMap: { name: 'c', items, defaultMode: 0o755 } }, 'other', SHELL],
    ['an item of a projected source', { projected: { sources: [{ secret: { items } }] } }, 'bin/run', SHELL],
  ])('%s', (_, volume, path, expected) => expect(obstacle(volume, path)).toBe(expected))
})

describe('a name tells how the file is read', () => {
  const configMap = { name: 'c' }
  test.each([
    ['run.sh', undefined, SHELL],
    ['run', '/entry.bash', SHELL],
    ['GeoLite2-City.mmdb', undefined, MAPPED],
    ['data', '/var/lib/app/app.sqlite3', MAPPED],
    ['nginx.conf', undefined, undefined],
    ['sh', undefined, undefined],
    ['$(POD_NAME).sh', '/entry', SHELL],
  ])('%s', (path, mountPath, expected) => expect(obstacle({ configMap }, path, mountPath)).toBe(expected))
})
