// The controller alone, connected as in a Pod (a kubeconfig would load client-node, 40 MB). It counts its requests and sends the count over IPC.
import { performance } from 'node:perf_hooks'
import { buildController } from '../../src/cli/serve/build-controller.ts'
import { readControllerFlags } from '../../src/cli/serve/controller-flags.ts'
import { parseInstallKey } from '../../src/cli/serve/install-key.ts'
import { createClient, type KubeClient } from '../../src/kube/client.ts'
import { podConnection } from '../../src/kube/connection.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'

const [directory = '', host = '', port = ''] = process.argv.slice(2)
const environment = { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port }
const client = createClient(await podConnection(environment, directory))
let calls = 0
const key = parseInstallKey('ab'.repeat(32))
const counted: KubeClient = {
  ...client,
  call(call) {
    // Leases are renewed all the time.
    if (!call.path.includes('/leases')) calls += 1
    return client.call(call)
  },
}
const controller = buildController(
  { log: createLog('warn'), metrics: createMetrics(), defaults: () => builtInDefaults },
  { client: counted, installKey: () => key, authority: undefined },
  readControllerFlags({ maxReplacedPods: '0', maxReplacedPodsPerNamespace: '0' }),
)
await controller.start()
process.once('disconnect', () => process.exit())
process.on('message', () =>
  process.send?.({ calls, ready: controller.notReady() === undefined, at: performance.now() }),
)
