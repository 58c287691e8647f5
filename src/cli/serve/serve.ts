/** `hotreload serve`: the one place where the parts are joined. Nothing is decided here that a part could decide. */
import { type DrainTimes, defaultDrainTimes, drained } from '../../admission/drain.ts'
import { podHandler } from '../../admission/pod-handler.ts'
import { createServer } from '../../admission/server.ts'
import { unlabelledHandler, workloadHandler } from '../../admission/workload-handler.ts'
import { noCluster } from '../../api/config-reader.ts'
import type { Reconciler } from '../../controller/reconciler.ts'
import { describeError } from '../../errors.ts'
import { createLog, type Log } from '../../telemetry/log.ts'
import { createMetrics } from '../../telemetry/metrics.ts'
import { createProbeServer } from '../../telemetry/probes.ts'
import { certificateDirectory } from '../../tls/directory.ts'
import { type CertificateSource, keepCertificate } from '../../tls/keeper.ts'
import { VERSION } from '../../version.ts'
import type { InstallKey } from '../../workload/checksum.ts'
import { type ClusterParts, clusterParts } from './build-cluster.ts'
import type { ControllerSettings } from './controller-flags.ts'
import { listenOn } from './listen.ts'
import type { ServeOptions } from './options.ts'
import { reportReview } from './review-report.ts'
import { followPolicyFile } from './watch-policy-file.ts'

export interface ServeIo {
  environment: NodeJS.ProcessEnv
  /** Log lines; standard output where not given. */
  log?: { write(line: string): void }
  /** Aborted by SIGTERM: finish as drain.ts says. */
  drain: AbortSignal
  /** Aborted by SIGINT: end at once. */
  now: AbortSignal
  drainTimes?: DrainTimes
}

const RETRY_MILLISECONDS = 10_000

/**
 * Serves until told to stop.
 * @param controllerSettings undefined: the webhook alone
 * @throws UserError for options that can't work
 */
export async function serve(
  options: ServeOptions,
  io: ServeIo,
  controllerSettings?: ControllerSettings,
): Promise<void> {
  const log = createLog(options.logLevel, io.log)
  const metrics = createMetrics()
  let controller: Reconciler | undefined
  const policy = await followPolicyFile(options.policy, (problem) => {
    const file = options.policy
    if (problem === undefined) {
      log.info({ file }, 'policy file changed')
      controller?.defaultsChanged()
    } else log.error({ file, ...describeError(problem) }, 'policy file not usable; the last one stays')
  })
  const cluster = await clusterParts(options, io.environment)
  let installKey: InstallKey | undefined
  const keyWanted = new AbortController()
  if (cluster)
    void eventually(cluster.readInstallKey, log, keyWanted.signal).then((key) => {
      installKey = key
      return key
    })

  controller =
    cluster && controllerSettings && options.only !== 'webhook'
      ? (await import('./build-controller.ts')).startControllerPart({
          ...controllerSettings,
          client: cluster.client,
          log,
          metrics,
          defaults: policy.current,
          installKey: () => installKey,
        })
      : undefined

  const server = createServer({
    handlers: {
      pods: podHandler({ agentImage: options.agentImage, version: VERSION, defaults: policy.current }),
      workloads: workloadHandler({
        defaults: policy.current,
        reader: cluster?.reader ?? noCluster,
        installKey: () => installKey,
      }),
      unlabelled: unlabelledHandler,
    },
    onAnswered: (answered) => reportReview(answered, log, metrics),
    onRefused(code, status, message) {
      metrics.refused(code)
      // When there is no room, a line for each request would take what is left.
      log[code === 'HR_OVERLOADED' ? 'debug' : 'warn']({ code, status, problem: message }, 'request refused')
    },
    draining: () => io.drain.aborted,
  })

  const webhook = options.only !== 'controller'
  let notReady: string | undefined = webhook ? 'no certificate yet' : undefined
  const keepOne = webhook ? keepCertificate : () => () => {}
  const stopKeeping = keepOne({
    source: certificates(options, cluster),
    use(certificate) {
      server.server.setSecureContext(certificate)
      notReady = undefined
      metrics.certificate('serving', certificate.expires)
      if (certificate.authorityExpires) metrics.certificate('ca', certificate.authorityExpires)
      log.info({ expires: certificate.expires }, 'certificate in use')
    },
    failed(error) {
      log.error(
        { ...describeError(error), ready: notReady === undefined },
        'certificate not read; trying again',
      )
    },
  })
  const probes = createProbeServer({
    registry: metrics.registry,
    // The webhook answers whether or not the controller has seen everything yet.
    notReady: () => (io.drain.aborted ? 'draining' : webhook ? notReady : controller?.notReady()),
    dead: () => controller?.stuck(),
  })

  try {
    const port =
      webhook &&
      (await listenOn('--port', options.port, (at) => server.listen(at).then(() => server.server.address())))
    const metricsPort = await listenOn('--metrics-port', options.metricsPort, (at) => {
      return new Promise((resolve, reject) => {
        probes.once('error', reject).listen(at, () => resolve(probes.address()))
      })
    })
    const { agentImage } = options
    log.info({ version: VERSION, port, metricsPort, agentImage, cluster: cluster !== undefined }, 'serving')
    await asked(io.drain, io.now)
    // Who leaves writes no more: the certificate belongs to those who stay.
    stopKeeping()
    await controller?.stop().catch((error: unknown) => log.warn(describeError(error), 'lease not given back'))
    if (webhook && !io.now.aborted) {
      log.info('draining')
      await Promise.race([drained(server.server, io.drainTimes ?? defaultDrainTimes), asked(io.now)])
    }
  } finally {
    keyWanted.abort()
    stopKeeping()
    policy.stop()
    server.server.closeAllConnections()
    probes.closeAllConnections()
    await Promise.all([server.close(), new Promise((resolve) => probes.close(resolve))])
  }
  log.info('stopped')
}

function certificates({ tlsDir }: ServeOptions, cluster: ClusterParts | undefined): CertificateSource {
  if (tlsDir !== undefined) return certificateDirectory(tlsDir)
  if (cluster !== undefined) return cluster.authority()
  throw new Error('clusterParts() lets nobody come here without a cluster or a directory')
}

/** Tries until it works; a failure is logged each time. Resolves to undefined when no longer wanted. */
async function eventually<T>(attempt: () => Promise<T>, log: Log, stop: AbortSignal): Promise<T | undefined> {
  while (!stop.aborted) {
    try {
      return await attempt()
    } catch (error) {
      log.error(describeError(error), 'install key not read; checksums leave Secrets out, trying again')
    }
    await new Promise((resolve) => {
      setTimeout(resolve, RETRY_MILLISECONDS).unref()
      stop.addEventListener('abort', resolve, { once: true })
    })
  }
  return undefined
}

/** Resolves when one of the signals has come. */
function asked(...signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const any = AbortSignal.any([...signals])
    if (any.aborted) resolve()
    else any.addEventListener('abort', () => resolve(), { once: true })
  })
}
