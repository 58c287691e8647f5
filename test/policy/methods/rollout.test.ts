import { expect, test } from 'vitest'
import { decisionFor, nginx, podSpec } from '../../support/builders.ts'

test('reload: rollout watches no volume and keeps subPath mounts', () => {
  const volumeMounts = [{ name: 'conf', mountPath: '/etc/app/a.conf', subPath: 'a.conf' }]
  const spec = podSpec({ containers: [nginx({ volumeMounts })] })
  const { plan, notes } = decisionFor(spec, { reload: 'rollout' })
  expect(plan.containers[0]).toMatchObject({ agent: false, volumes: [], subPaths: [{ mode: 'keep' }] })
  expect(notes).toEqual([
    'container web: subPath mount /etc/app/a.conf is not updated in place: its changes roll out',
  ])
})
