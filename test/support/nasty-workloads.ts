/** Objects that are made to stop the controller, as the API server stores them. */
import { configMap, deployment } from './controller.ts'

const LIST = 'configmap.reloader.stakater.com/reload'
const many = (count: number, item: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => item(index)).join()

const annotated: Record<string, Record<string, string>> = {
  'nested-choices': { [LIST]: `${'(a|a)?'.repeat(20)}b` },
  'optional-letters': { [LIST]: `${'a?'.repeat(100)}b` },
  'many-patterns': { [LIST]: many(2_000, (index) => `.*.*.*z${index}`) },
  'slow-patterns': { [LIST]: many(50, (index) => `b${'(.*a)'.repeat(40)}${index}`) },
  mistakes: { [LIST]: many(30_000, (index) => `(${index}`) },
  'pause-period': {
    'reloader.stakater.com/auto': 'true',
    'deployment.reloader.stakater.com/pause-period': '1'.repeat(250_000),
  },
  'made-up-names': {
    'hotreload.dev/inject': 'true',
    'hotreload.dev/container': many(30_000, (index) => `c${index}`),
  },
  'foreign-namespaces': {
    'wave.pusher.com/update-on-config-change': 'true',
    'wave.pusher.com/extra-secrets': many(20_000, (index) => `n${index}/s`),
  },
}

const signal = { 'hotreload.dev/inject': 'true', 'hotreload.dev/signal': 'SIGHUP' }

/** With its program's signal, and what a test puts into its container. */
function withContainer(name: string, container: object, volumes: object[] = []) {
  const one = deployment(name, { metadata: signal, env: [] })
  Object.assign(one.spec.template.spec.containers[0] ?? {}, container)
  Object.assign(one.spec.template.spec, { volumes })
  return one
}

export const nastyWorkloads = () => [
  ...Object.entries(annotated).map(([name, metadata]) => deployment(name, { metadata })),
  withContainer('kill-probe', { livenessProbe: { exec: { command: ['sh', '-c', 'kill '.repeat(20_000)] } } }),
  withContainer(
    'sub-paths',
    {
      volumeMounts: Array.from({ length: 5_000 }, (_, index) => ({
        name: 'v',
        mountPath: `/m/${index}`,
        subPath: `k${index}`,
      })),
    },
    [{ name: 'v', configMap: { name: 'conf' } }],
  ),
  ...['a'.repeat(20), ...Array.from({ length: 50 }, (_, index) => `b${'a'.repeat(250)}${10 + index}`)].map(
    (name) => configMap(name, { a: '1' }),
  ),
]
