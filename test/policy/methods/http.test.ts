import { expect, test } from 'vitest'
import { decisionFor, nginx, podSpec } from '../../support/builders.ts'

test('reload: http without a URL is denied', () =>
  expect(decisionFor(podSpec(), { reload: 'http' }).messages).toEqual([
    'hotreload.dev/reload: http, but container web has no URL; set hotreload.dev/url to http://127.0.0.1:PORT/PATH [HR_NO_URL]',
  ]))

test('reload: http takes the URL of a preset', () => {
  const spec = podSpec({
    containers: [
      nginx({ image: 'grafana/alloy', volumeMounts: [{ name: 'conf', mountPath: '/etc/alloy' }] }),
    ],
  })
  expect(decisionFor(spec, { reload: 'http' }).plan.containers[0]).toMatchObject({
    reload: { method: 'http', httpMethod: 'POST', url: 'http://127.0.0.1:12345/-/reload' },
    chosenBy: 'preset alloy',
  })
})
