/** `hotreload serve`: starts the parts, and stops them in an order that loses no review. Nothing is decided here that a part could decide. */
import { boundConnections } from '../../admission/bounds/connections.ts'
import { describeError } from '../../errors.ts'
import { createLog } from '../../telemetry/log.ts'
import { createMetrics } from '../../telemetry/metrics.ts'
import { createProbeServer } from '../../telemetry/probes.ts'
import { VERSION } from '../../version.ts'
import { buildCluster } from './build-cluster.ts'
import type { ControllerSettings } from './controller-flags.ts'
import { listenOn } from './listen.ts'
import type { ServeOptions } from './options.ts'
import type { Part, ServeContext, ServeIo } from './part.ts'
import { admissionLabels } from './report/metric-labels.ts'
import { watchPolicyFile } from './watch-policy-file.ts'

/** The kubelet's probes and some Prometheus servers, with room. The oldest goes first, so idle ones can't keep a probe out. */
const MAX_PROBE_CONNECTIONS = 100

/**
 * Serves until a signal.
 * @param settings undefined: the webhook alone
 * @throws UserError for options that can't work
 */
export async function serve(
  options: ServeOptions,
  io: ServeIo,
  settings?: ControllerSettings,
): Promise<void> {
  const log = createLog(options.logLevel, io.log)
  const metrics = createMetrics(options.only === 'controller' ? undefined : admissionLabels)
  let parts: readonly Part[] = []
  const policy = await watchPolicyFile(options.policy, (problem) => {
    const file = options.policy
    metrics.policyFile(problem === undefined)
    if (problem) log.error({ file, ...describeError(problem) }, 'policy file not usable; the last one stays')
    else log.info({ file }, 'policy file changed')
    for (const part of parts) part.policyChanged?.(problem)
  })
  const cluster = await buildCluster(options, io.environment, log)
  parts = await buildParts({ options, io, log, metrics, defaults: policy.current, cluster }, settings)
  const probes = createProbeServer({
    registry: metrics.registry,
    // The webhook stands first: it answers whether or not the controller has seen everything yet.
    notReady: () => (io.drain.aborted ? 'draining' : parts[0]?.notReady()),
    notAlive: () => parts.map((part) => part.notAlive?.()).find((reason) => reason !== undefined),
  })

  boundConnections(probes, MAX_PROBE_CONNECTIONS)

  try {
    const [port] = await Promise.all(parts.map((part) => part.start()))
    const metricsPort = await listenOn('--metrics-port', options.metricsPort, (at) => {
      return new Promise((resolve, reject) => {
        probes.once('error', reject).listen(at, () => resolve(probes.address()))
      })
    })
    const { agentImage } = options
    log.info({ version: VERSION, port, metricsPort, agentImage, cluster: cluster !== undefined }, 'serving')
    await aborted(io.drain, io.now)
    for (const part of parts) await part.release()
    if (!io.now.aborted)
      await Promise.race([Promise.all(parts.flatMap((part) => part.drain?.() ?? [])), aborted(io.now)])
  } finally {
    cluster?.close()
    policy.stop()
    probes.closeAllConnections()
    await Promise.all([...parts.map((part) => part.close()), new Promise((resolve) => probes.close(resolve))])
  }
  log.info('stopped')
}

async function buildParts(context: ServeContext, settings: ControllerSettings | undefined): Promise<Part[]> {
  const { options, cluster } = context
  const parts: Part[] = []
  // Loaded where it runs: in a controller the webhook's code would take 2 MB.
  if (options.only !== 'controller') {
    const { buildWebhook } = await import('./build-webhook.ts')
    parts.push(buildWebhook(context))
  }
  if (options.only !== 'webhook' && cluster && settings) {
    const { buildController } = await import('./build-controller.ts')
    parts.push(buildController(context, cluster, settings))
  }
  return parts
}

/** Resolves when one of the signals is aborted. */
function aborted(...signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const any = AbortSignal.any([...signals])
    if (any.aborted) resolve()
    else any.addEventListener('abort', () => resolve(), { once: true })
  })
}
