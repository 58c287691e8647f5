import { expect, test } from 'vitest'
import { buildCluster } from '../../../src/cli/serve/build-cluster.ts'
import { readServeOptions } from '../../../src/cli/serve/options.ts'
import { createLog } from '../../../src/telemetry/log.ts'

const log = createLog('error', { write: () => undefined })

test('the webhook with a certificate of its own needs no cluster', async () => {
  const options = readServeOptions({ only: 'webhook', tlsDir: '/tls' })
  expect(await buildCluster(options, {}, log)).toBeUndefined()
})

test.each([{}, { only: 'webhook' }, { only: 'controller', tlsDir: '/tls' }])(
  '%j needs a cluster',
  async (given) => {
    await expect(buildCluster(readServeOptions(given), {}, log)).rejects.toThrow(/\[HR_NO_CLUSTER\]$/)
  },
)

test('a kubeconfig that is not there is an error that names it', async () => {
  const options = readServeOptions({ kubeconfig: '/nonexistent/kubeconfig' })
  await expect(buildCluster(options, {}, log)).rejects.toThrow('/nonexistent/kubeconfig')
})
