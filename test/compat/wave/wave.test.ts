import { describe, expect, test } from 'vitest'
import { wave } from '../../../src/compat/wave/wave.ts'
import { chosen, workload } from '../workload.ts'

describe('Wave', () => {
  const on = { 'wave.pusher.com/update-on-config-change': 'true' }
  test('all that is referenced, and what is named besides', () => {
    const extra = {
      'wave.pusher.com/extra-configmaps': 'more, infra/ca',
      'wave.pusher.com/extra-secrets': 'token',
    }
    const request = wave.read(workload({ ...on, ...extra }))
    expect(chosen(request)).toEqual([
      'ConfigMap/more',
      'ConfigMap/ca',
      'Secret/token',
      'Secret/db',
      'ConfigMap/conf',
    ])
    expect(request?.extra.map(({ namespace }) => namespace)).toEqual(['shop', 'infra', 'shop'])
  })
  test('only where it is "true"', () => {
    expect(wave.read(workload({ 'wave.pusher.com/update-on-config-change': 'false' }))).toBeUndefined()
    const mistaken = wave.read(workload({ 'wave.pusher.com/update-on-config-change': 'yes' }))
    expect(chosen(mistaken)).toEqual([])
    expect(mistaken?.problems).toEqual([
      'wave.pusher.com/update-on-config-change: "yes" is neither "true" nor "false", and is left out',
    ])
  })
  test('its hash changes with the checksums', () => {
    const hashOf = (checksum: string) =>
      wave.writeBack({
        workload: workload(on),
        changed: [],
        checksums: new Map([['ConfigMap/conf', checksum]]),
        options: { strategy: 'env-vars', renamedKeys: new Map() },
        now: 0,
      }).template?.['wave.pusher.com/config-hash']
    expect(hashOf('abc')).toMatch(/^[0-9a-f]{64}$/)
    expect(hashOf('abc')).toBe(hashOf('abc'))
    expect(hashOf('def')).not.toBe(hashOf('abc'))
  })
  test('a Job has no Pods to roll out', () => {
    expect(wave.read({ ...workload(on), kind: 'CronJob' })).toBeUndefined()
  })
})
