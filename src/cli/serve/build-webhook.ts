/** The webhook: its handlers, its server and its certificate. */
import { defaultDrainTimes, drained } from '../../admission/drain.ts'
import { podHandler } from '../../admission/pod-handler.ts'
import { createServer, type ServerOptions } from '../../admission/server.ts'
import { unlabelledHandler } from '../../admission/unlabelled-handler.ts'
import { workloadHandler } from '../../admission/workload-handler.ts'
import { noCluster } from '../../api/config-reader.ts'
import { withClientAuthority } from '../../tls/client-authority.ts'
import { certificateDirectory } from '../../tls/directory.ts'
import { type CertificateSource, keepCertificate, type ServingCertificate } from '../../tls/keeper.ts'
import { VERSION } from '../../version.ts'
import type { Cluster } from './build-cluster.ts'
import { listenOn } from './listen.ts'
import type { ServeOptions } from './options.ts'
import type { Part, ServeContext } from './part.ts'
import { createProblemLog } from './report/problem-log.ts'
import { refusalReport } from './report/refusal-report.ts'
import { reportReview } from './report/review-report.ts'

export function buildWebhook(context: ServeContext): Part {
  const { options, io, log, metrics } = context
  const server = createServer({
    handlers: buildHandlers(context),
    onAnswered: (answered) => reportReview(answered, log, metrics),
    onRefused: refusalReport(log, metrics),
    requiresClientCertificate: options.clientCa !== undefined,
    draining: () => io.drain.aborted,
  })
  let notReady: string | undefined = 'no certificate yet'
  const problem = createProblemLog(log, 'certificate not read; trying again')
  let stopKeeping = () => {}

  function use(certificate: ServingCertificate): void {
    const { cert, key, clientAuthority: ca } = certificate
    server.server.setSecureContext({ cert, key, ca })
    notReady = undefined
    metrics.certificate('serving', certificate.expires)
    if (certificate.authorityExpires) metrics.certificate('ca', certificate.authorityExpires)
    log.info({ expires: certificate.expires }, 'certificate in use')
  }

  return {
    async start() {
      stopKeeping = keepCertificate({
        source: buildCertificateSource(context),
        use,
        succeeded: problem.succeeded,
        failed(error) {
          const text = problem.failed(error)
          if (notReady !== undefined) notReady = `no certificate yet: ${text}`
        },
      })
      return await listenOn('--port', options.port, async (at) => {
        await server.listen(at)
        return server.server.address()
      })
    },
    notReady: () => notReady,
    async release() {
      stopKeeping()
    },
    drain() {
      log.info('draining')
      return drained(server.server, io.drainTimes ?? defaultDrainTimes)
    },
    async close() {
      stopKeeping()
      server.server.closeAllConnections()
      await server.close()
    },
  }
}

function buildHandlers({ options, defaults, cluster }: ServeContext): ServerOptions['handlers'] {
  return {
    pods: podHandler({ agentImage: options.agentImage, version: VERSION, defaults }),
    workloads: workloadHandler({
      defaults,
      reader: cluster?.reader ?? noCluster,
      installKey: () => cluster?.installKey(),
    }),
    unlabelled: unlabelledHandler,
  }
}

function buildCertificateSource({ options, cluster }: ServeContext): CertificateSource {
  const source = buildServingSource(options, cluster)
  return options.clientCa === undefined ? source : withClientAuthority(source, options.clientCa)
}

function buildServingSource({ tlsDir }: ServeOptions, cluster: Cluster | undefined): CertificateSource {
  if (tlsDir !== undefined) return certificateDirectory(tlsDir)
  if (cluster !== undefined) return cluster.certificate
  throw new Error('buildCluster() refuses options with neither a cluster nor a directory')
}
