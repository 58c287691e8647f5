import { expect, test } from 'vitest'
import { flag, hasFlag, mounts, portOf, webAddress } from '../../../src/policy/presets/arguments.ts'
import { nginx } from '../../support/builders.ts'

const withArgs = (...args: string[]) => nginx({ args })

test.each<[args: string[], has: boolean]>([
  [['--watch'], true],
  [['--watch=true'], true],
  [['--watch=false'], false],
  [['--watchdog'], false],
  [[], false],
])('%j has the flag --watch: %s', (args, has) => expect(hasFlag(withArgs(...args), '--watch')).toBe(has))

test.each<[args: string[], value: string | undefined]>([
  [['--file=a'], 'a'],
  [['--file', 'a'], 'a'],
  [['-f', 'a'], 'a'],
  [['--file='], ''],
  [['--file'], undefined],
  [['--files=a'], undefined],
])('%j has the value %j', (args, value) => expect(flag(withArgs(...args), '--file', '-f')).toBe(value))

test('a volume holds a file if it is mounted there or above it', () => {
  const container = nginx({ volumeMounts: [{ name: 'conf', mountPath: '/etc/app/' }] })
  expect(mounts(container, ['/etc/app/a.yaml'])).toBe(true)
  expect(mounts(container, ['/etc/app'])).toBe(true)
  expect(mounts(container, ['/etc/application/a.yaml', '/etc'])).toBe(false)
})

test.each([
  ['0.0.0.0:9091', 9091],
  [':80', 80],
  ['[::1]:80', 80],
  ['localhost', 9090],
  [undefined, 9090],
])('the port of %s is %d', (address, port) => expect(portOf(address, 9090)).toBe(port))

test.each<[args: string[], address: string]>([
  [[], 'http://127.0.0.1:9090'],
  [['--web.listen-address=:81', '--web.route-prefix=/p/'], 'http://127.0.0.1:81/p'],
  [['--web.external-url=https://example.org/a/b'], 'http://127.0.0.1:9090/a/b'],
  [['--web.external-url=https://example.org/a', '--web.route-prefix=/'], 'http://127.0.0.1:9090'],
  [['--web.external-url=/a/b/'], 'http://127.0.0.1:9090/a/b'],
  [['--web.external-url='], 'http://127.0.0.1:9090'],
  [['--web.external-url=localhost:9091'], 'http://127.0.0.1:9090'],
])('%j listens at %s', (args, address) => expect(webAddress(withArgs(...args), 9090)).toBe(address))
