import { expect, test } from 'vitest'
import { decisionFor, nginx, podSpec } from '../support/builders.ts'

const api = nginx({ name: 'api', image: 'example.org/api:1' })
const both = podSpec({ containers: [nginx(), api] })

test('an annotation about one program needs a container’s name if the Pod has several', () => {
  expect(decisionFor(both, { signal: 'HUP' }).messages).toEqual([
    'hotreload.dev/signal: the Pod has several containers it could mean (web, api); say which, e.g. hotreload.dev/signal.web, or set hotreload.dev/container [HR_SAY_WHICH]',
  ])
  for (const short of [{ url: 'http://127.0.0.1:1/' }, { preset: 'nginx' }, { process: 'x' }])
    expect(decisionFor(both, short).messages.join()).toContain('HR_SAY_WHICH')
  expect(decisionFor(both, { reload: 'none', subpath: 'copy' }).messages).toEqual([])
})

test('all unknown names of containers and volumes are denied at once', () => {
  const short = { container: 'web,wep', volumes: 'cnf', 'signal.wep': 'HUP' }
  expect(decisionFor(podSpec(), short).messages).toEqual([
    'hotreload.dev/container: the Pod has no container wep; it has web [HR_UNKNOWN_NAME]',
    'hotreload.dev/volumes: the Pod has no volume cnf; it has conf [HR_UNKNOWN_NAME]',
    'hotreload.dev/signal.wep: the Pod has no container wep; it has web [HR_UNKNOWN_NAME]',
  ])
  expect(decisionFor({ containers: [nginx({ volumeMounts: [] })] }, { volumes: 'x' }).messages).toEqual([
    'hotreload.dev/volumes: the Pod has no volume x; it has no volumes [HR_UNKNOWN_NAME]',
  ])
})
