import { expect, test } from 'vitest'
import { readIsWatched } from '../../../src/cli/installed/watched-namespaces.ts'
import type { KubeClient } from '../../../src/kube/client.ts'

/** A cluster whose controller has this container. */
function clusterWith(container: object, status = 200): KubeClient {
  const body = { spec: { template: { spec: { containers: [{ name: 'hotreload', ...container }] } } } }
  return {
    namespace: 'shop',
    call: async ({ path }) =>
      path.endsWith('/namespaces/hotreload-system/deployments/hotreload-controller')
        ? { status, body }
        : { status: 404, body: {} },
    stream: () => expect.fail('no watch'),
  }
}
const named = { args: ['serve', '--only=controller', '--watch-namespaces=shop,bank'] }

test.each([
  ['shop', named, 200, true],
  ['quiet', named, 200, false],
  ['quiet', { env: [{ name: 'HOTRELOAD_WATCH_NAMESPACES', value: 'shop, bank' }] }, 200, false],
  ['bank', { env: [{ name: 'HOTRELOAD_WATCH_NAMESPACES', value: 'shop, bank' }] }, 200, true],
  ['quiet', { args: ['serve'] }, 200, true],
  // The user may not read it.
  ['quiet', named, 403, true],
])('%s, %j, %i: %s', async (namespace, container, status, isWatched) =>
  expect(await readIsWatched(clusterWith(container, status), namespace)).toBe(isWatched),
)
