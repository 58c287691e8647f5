import { describe, expect, test } from 'vitest'
import { readServeOptions, serveFlags, variableOf } from '../../../src/cli/serve/options.ts'
import { AGENT_IMAGE } from '../../../src/version.ts'

describe('serve options', () => {
  test('defaults', () => {
    expect(readServeOptions({})).toEqual({
      port: 8443,
      metricsPort: 8080,
      agentImage: AGENT_IMAGE,
      logLevel: 'info',
    })
  })

  test('everything set', () => {
    const given = {
      port: '1',
      metricsPort: '2',
      tlsDir: '/t',
      only: 'webhook',
      kubeconfig: '/k',
      policy: '/p',
    }
    expect(readServeOptions({ ...given, agentImage: 'r/a@sha256:0', logLevel: 'debug' })).toEqual({
      port: 1,
      metricsPort: 2,
      tlsDir: '/t',
      only: 'webhook',
      kubeconfig: '/k',
      policy: '/p',
      agentImage: 'r/a@sha256:0',
      logLevel: 'debug',
    })
  })

  test.each([
    [{ port: 'https' }, '--port: "https" is not a port; use a number'],
    [{ port: '65536' }, '--port: "65536" is not a port'],
    [{ port: '-1' }, '--port: "-1" is not a port'],
    [
      { port: 'tcp://10.96.0.7:443' },
      '--port: "tcp://10.96.0.7:443" is an address that Kubernetes put there; set enableServiceLinks',
    ],
    [{ port: '1e3' }, '--port: "1e3" is not a port'],
    [{ port: '' }, '--port: "" is empty'],
    [{ metricsPort: '8443' }, '--metrics-port: "8443" is the same as --port'],
    [{ only: 'all' }, '--only: "all" is not a part; use webhook or controller'],
    [{ agentImage: 'two words' }, '--agent-image: "two words" is not an image'],
    [{ agentImage: ' ' }, '--agent-image: " " is empty'],
    [{ logLevel: 'loud' }, '--log-level: "loud" is not a level; use debug, info, warn, error'],
    [{ tlsDir: '' }, '--tls-dir: "" is empty'],
  ])('%j: %s', (given, problem) => {
    expect(() => readServeOptions(given)).toThrow(problem)
    expect(() => readServeOptions(given)).toThrow(/; .*\[HR_BAD_FLAG\]$/)
  })

  test('each flag has a variable', () => {
    expect(Object.values(serveFlags).map(variableOf)).toEqual([
      'HOTRELOAD_PORT',
      'HOTRELOAD_METRICS_PORT',
      'HOTRELOAD_TLS_DIR',
      'HOTRELOAD_CLIENT_CA',
      'HOTRELOAD_ONLY',
      'HOTRELOAD_KUBECONFIG',
      'HOTRELOAD_AGENT_IMAGE',
      'HOTRELOAD_POLICY',
      'HOTRELOAD_LOG_LEVEL',
    ])
  })
})
