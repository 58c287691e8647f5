import type { V1Probe } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { probeArgs } from '../../../src/inject/agent-flags.ts'
import { livenessOf } from '../../../src/policy/methods/liveness.ts'
import { nginx } from '../../support/builders.ts'

const ports = [{ name: 'web', containerPort: 8080 }]
const read = (livenessProbe?: V1Probe) =>
  livenessOf(nginx({ ports, ...(livenessProbe ? { livenessProbe } : {}) }))

test.each<[what: string, probe: V1Probe | undefined, forward: object | undefined]>([
  ['no probe', undefined, undefined],
  ['a port', { tcpSocket: { port: 80 } }, { port: 80 }],
  ['a named port', { tcpSocket: { port: 'web' } }, { port: 8080 }],
  ['a URL', { httpGet: { port: 80, path: '/live' } }, { url: 'http://127.0.0.1:80/live' }],
  ['a URL without a path', { httpGet: { port: 'web' } }, { url: 'http://127.0.0.1:8080/' }],
  ['a relative path', { httpGet: { port: 80, path: 'live' } }, { url: 'http://127.0.0.1:80/live' }],
])('%s is forwarded', (_, probe, forward) => expect(read(probe)).toEqual({ forward }))

test.each([undefined, { port: 80 }, { url: 'http://127.0.0.1:80/live' }])(
  'our own probe of %j, which `hotreload inject` wrote, asks the same again',
  (forward) => {
    const command = ['/.hotreload/bin/hotreload-agent', ...probeArgs('web', forward, 1)]
    expect(read({ exec: { command } })).toEqual({ forward })
  },
)

test.each<[probe: V1Probe, reason: string]>([
  [{ exec: { command: ['true'] } }, 'its livenessProbe is an exec probe'],
  [{ grpc: { port: 80 } }, 'its livenessProbe is a grpc probe'],
  [{ httpGet: { port: 80, scheme: 'HTTPS' } }, 'its livenessProbe speaks HTTPS'],
  [{ httpGet: { port: 80, host: 'example.org' } }, 'its livenessProbe asks another host'],
  [{ tcpSocket: { port: 80, host: '10.0.0.1' } }, 'its livenessProbe asks another host'],
  [{ httpGet: { port: 80, httpHeaders: [{ name: 'a', value: 'b' }] } }, 'its livenessProbe sends headers'],
  [{ tcpSocket: { port: 'api' } }, 'its livenessProbe asks port api, which it does not declare'],
])('%j can’t be forwarded: %s', (probe, reason) => expect(read(probe)).toEqual({ reason }))
