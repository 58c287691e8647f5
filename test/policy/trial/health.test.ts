// What the agent asks instead of the kubelet.
import type { V1Probe } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { readinessOf } from '../../../src/policy/trial/health.ts'
import { nginx } from '../../support/builders.ts'

const ports = [
  { name: 'http', containerPort: 8080 },
  { name: '1e3', containerPort: 8081 },
]
const asked = (readinessProbe: V1Probe, hostNetwork = false) =>
  readinessOf(nginx({ ports, readinessProbe }), { hostNetwork })
const times = { timeoutSeconds: 1, periodSeconds: 10, failureThreshold: 3 }
const get = (path: string, headers: string[] = []) => ({ method: 'GET', path, headers })

test.each<[string, V1Probe, object]>([
  ['a port', { httpGet: { port: 80 } }, { port: 80, request: get('/') }],
  ['a named port', { httpGet: { port: 'http', path: '/healthz' } }, { port: 8080, request: get('/healthz') }],
  ['a port whose name looks like a number', { tcpSocket: { port: '1e3' } }, { port: 8081 }],
  ['a number as text', { httpGet: { port: '81' } }, { port: 81, request: get('/') }],
  [
    'a path without a slash',
    { httpGet: { port: 80, path: 'a b?c=d' } },
    { port: 80, request: get('/a%20b?c=d') },
  ],
  ['a path of slashes', { httpGet: { port: 80, path: '//x' } }, { port: 80, request: get('//x') }],
  [
    'headers',
    {
      httpGet: {
        port: 80,
        httpHeaders: [
          { name: 'Host', value: 'shop' },
          { name: 'X', value: '' },
          { name: 'X-A', value: '"a": b, c' },
        ],
      },
    },
    { port: 80, request: get('/', ['Host: shop', 'X: ', 'X-A: "a": b, c']) },
  ],
  ['a TCP port', { tcpSocket: { port: 'http' } }, { port: 8080 }],
  [
    'times and thresholds',
    { httpGet: { port: 80, scheme: 'HTTP' }, timeoutSeconds: 2, periodSeconds: 3, failureThreshold: 4 },
    { port: 80, request: get('/'), timeoutSeconds: 2, periodSeconds: 3, failureThreshold: 4 },
  ],
  [
    'times of 0, which are the defaults',
    { tcpSocket: { port: 80 }, timeoutSeconds: 0, periodSeconds: 0, failureThreshold: 0 },
    { port: 80 },
  ],
])('%s of a readiness probe is asked as the kubelet asks it', (_, probe, check) =>
  expect(asked(probe)).toEqual({ ...times, ...check }),
)

test('a container without a readiness probe has nothing to ask', () =>
  expect(readinessOf(nginx(), {})).toBe('it has no readiness probe'))

test.each<[string, V1Probe]>([
  ['its readiness probe is an exec probe', { exec: { command: ['true'] } }],
  ['its readiness probe is a grpc probe', { grpc: { port: 1 } }],
  ['its readiness probe asks nothing', {}],
  ['its readiness probe speaks HTTPS', { httpGet: { port: 443, scheme: 'HTTPS' } }],
  ['its readiness probe asks another host', { httpGet: { port: 80, host: 'example.org' } }],
  // From the node that is the node.
  ['its readiness probe asks another host', { tcpSocket: { port: 80, host: '127.0.0.1' } }],
  ['its readiness probe asks port web, which it does not declare', { httpGet: { port: 'web' } }],
  ...['a\r\nY: b', 'a\tb', 'Grüße'].map((value): [string, V1Probe] => [
    'its readiness probe sends a header that is not printable ASCII',
    { httpGet: { port: 80, httpHeaders: [{ name: 'X', value }] } },
  ]),
  [
    'the path and headers of its readiness probe have more than 4096 characters',
    { httpGet: { port: 80, path: `/${'a'.repeat(4_096)}` } },
  ],
])('%s, so that the agent does not ask it', (reason, probe) => expect(asked(probe)).toBe(reason))

test('with hostNetwork the loopback of the node is that of the Pod', () => {
  const probe = { httpGet: { port: 80, host: '127.0.0.1' } }
  expect(asked(probe, true)).toMatchObject({ host: '127.0.0.1', port: 80 })
})
