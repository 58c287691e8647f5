import type { V1Volume } from '@kubernetes/client-node'
import { expect, test } from 'vitest'
import { SAFE_TO_EVICT, withEvictableVolumes } from '../../src/inject/local-volumes.ts'
import { podTemplate } from '../../src/workload/pod-template.ts'
import { pod, pods, submit } from '../support/builders.ts'

const added: V1Volume[] = [
  { name: 'hotreload-state', emptyDir: {} },
  { name: 'hotreload-copy', emptyDir: { medium: 'Memory' } },
  { name: 'hotreload-vol-web-conf', configMap: { name: 'web' } },
]
const annotationOf = (annotations?: Record<string, string>) =>
  withEvictableVolumes(annotations ? { metadata: { annotations } } : {}, added).metadata?.annotations

test('the emptyDirs on the node’s disk are named', () => {
  expect(annotationOf()).toEqual({ [SAFE_TO_EVICT]: 'hotreload-state' })
})

test('they are named beside those that the user wrote, and other annotations stay', () => {
  expect(annotationOf({ [SAFE_TO_EVICT]: 'cache, tmp', a: 'b' })).toEqual({
    [SAFE_TO_EVICT]: 'cache, tmp,hotreload-state',
    a: 'b',
  })
})

test('an injected Pod names every emptyDir that it got', async () => {
  const { object } = await submit(pods(), pod())
  const { metadata, spec } = podTemplate(object) ?? {}
  const disks = spec?.volumes?.filter(({ emptyDir }) => emptyDir && emptyDir.medium !== 'Memory')
  expect(disks?.length).toBeGreaterThan(1)
  expect(metadata?.annotations?.[SAFE_TO_EVICT]).toBe(disks?.map(({ name }) => name).join(','))
})
