import { expect, test } from 'vitest'
import { envName } from '../../../src/compat/reloader/write-back.ts'
import { defaultCompatOptions } from '../../../src/compat/request/options.ts'
import { writeBack } from '../../../src/compat/tools.ts'
import { deployment } from '../../support/controller.ts'

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5)
const source = { kind: 'ConfigMap', namespace: 'shop', name: 'app.conf', hash: 'abc' } as const
const checksums = new Map([['ConfigMap/app.conf', 'abc']])
const auto = { 'reloader.stakater.com/auto': 'true' }

const written = (workload: ReturnType<typeof deployment>, strategy: 'env-vars' | 'annotations') =>
  writeBack(
    { tool: 'reloader' },
    { workload, changed: [source], checksums, options: { ...defaultCompatOptions, strategy }, now: NOW },
  )

test.each([
  ['app-config', 'STAKATER_APP_CONFIG_CONFIGMAP'],
  ['app.conf--2', 'STAKATER_APP_CONF_2_CONFIGMAP'],
  ['1st', 'STAKATER_1ST_CONFIGMAP'],
])('the variable of %s is %s', (name, expected) => {
  expect(envName({ kind: 'ConfigMap', name })).toBe(expected)
})

test('env-vars: on the container that uses it, beside those of earlier rollouts', () => {
  const web = deployment('web', { metadata: auto, env: ['app.conf'] })
  const containers = web.spec.template.spec.containers
  containers.unshift({ ...containers[0], name: 'proxy', envFrom: [] } as never)
  Object.assign(containers[0] ?? {}, {
    env: [
      { name: 'STAKATER_OLD_SECRET', value: '1' },
      { name: 'MINE', value: 'x' },
    ],
  })
  expect(written(web, 'env-vars')).toEqual({
    metadata: {},
    template: {},
    spec: {},
    containers: [
      { name: 'proxy', env: [{ name: 'STAKATER_OLD_SECRET', value: '1' }] },
      { name: 'app', env: [{ name: 'STAKATER_APP_CONF_CONFIGMAP', value: 'abc' }] },
    ],
  })
})

test('annotations: last-reloaded-from', () => {
  const { template } = written(deployment('web', { metadata: auto, env: ['app.conf'] }), 'annotations')
  expect(JSON.parse(template['reloader.stakater.com/last-reloaded-from'] ?? '')).toEqual({
    type: 'CONFIGMAP',
    name: 'app.conf',
    namespace: 'shop',
    hash: 'abc',
    containerRefs: ['app'],
    observedAt: NOW / 1_000,
  })
})

test('pause-period: the time is kept', () => {
  const metadata = { ...auto, 'deployment.reloader.stakater.com/pause-period': '5m' }
  expect(written(deployment('web', { metadata }), 'env-vars').metadata).toEqual({
    'deployment.reloader.stakater.com/paused-at': '2026-01-02T03:04:05Z',
  })
})

test('an Argo Rollout with the restart strategy is restarted, its template left alone', () => {
  const metadata = { ...auto, 'reloader.stakater.com/rollout-strategy': 'restart' }
  const rollout = { ...deployment('web', { metadata }), kind: 'Rollout' }
  expect(written(rollout, 'env-vars')).toEqual({
    metadata: {},
    template: {},
    containers: [],
    spec: { restartAt: '2026-01-02T03:04:05Z' },
  })
})

test('env-vars of a custom resource: the annotation, since an apply would replace all its containers', () => {
  const cloneSet = {
    ...deployment('web', { metadata: auto, env: ['app.conf'] }),
    apiVersion: 'apps.kruise.io/v1alpha1',
    kind: 'CloneSet',
  }
  const [container] = cloneSet.spec.template.spec.containers
  Object.assign(container ?? {}, { env: [{ name: 'STAKATER_OLD_SECRET', value: '1' }] })
  const { template, containers } = written(cloneSet, 'env-vars')
  expect(Object.keys(template)).toEqual(['reloader.stakater.com/last-reloaded-from'])
  expect(containers).toEqual([])
})
