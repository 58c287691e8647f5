import { expect, test } from 'vitest'
import { decisionFor, nginx, podSpec } from '../../support/builders.ts'

test('reload: supervise without a command in the manifest is denied', () =>
  expect(decisionFor(podSpec(), { reload: 'supervise' }).messages).toEqual([
    "hotreload.dev/reload: supervise, but container web sets no command; write the image's ENTRYPOINT into spec.containers[].command [HR_NO_ENTRYPOINT]",
  ]))

test('reload: supervise needs no shared processes', () => {
  const { plan } = decisionFor(podSpec({ containers: [nginx({ command: ['nginx'] })] }), {
    reload: 'supervise',
  })
  expect(plan.containers[0]?.reload).toEqual({ method: 'supervise' })
  expect(plan.shareProcessNamespace).toBe(false)
})
