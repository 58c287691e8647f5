/** What the parts of `serve` use of the cluster. It is loaded here only, so that a process without a cluster never loads a client. */
import { setTimeout } from 'node:timers/promises'
import { type ConfigReader, createConfigReader } from '../../api/config-reader.ts'
import { UserError } from '../../errors.ts'
import type { KubeClient } from '../../kube/client.ts'
import type { Log } from '../../telemetry/log.ts'
import type { CertificateSource } from '../../tls/keeper.ts'
import type { InstallKey } from '../../workload/checksum.ts'
import { INSTALL_NAME, INSTALL_NAMESPACE } from '../shared/install-names.ts'
import type { ServeOptions } from './options.ts'
import { createProblemLog } from './report/problem-log.ts'

export interface Cluster {
  client: KubeClient
  reader: ConfigReader
  /** Undefined: not read yet. */
  installKey: () => InstallKey | undefined
  /** The webhook's certificate, as the controller stores it. */
  certificate: CertificateSource
  /** Issues that certificate. Undefined where --tls-dir has another one. */
  authority: CertificateSource | undefined
  close(): void
}

/** Until there is an install key, and then until the next look whether its Secret was lost. */
const [RETRY_MILLISECONDS, LOOK_AGAIN_MILLISECONDS] = [1_000, 10_000]

/**
 * Undefined: there is no cluster, and the options need none.
 * @throws UserError HR_NO_CLUSTER where they do
 */
export async function buildCluster(
  options: ServeOptions,
  environment: NodeJS.ProcessEnv,
  log: Log,
): Promise<Cluster | undefined> {
  const client = await connect(options, environment)
  if (client === undefined) return undefined
  const [
    { createSecretStore },
    { createBundlePublisher },
    { ensureInstallKey, readInstallKey },
    { ownAuthority },
    { servingSecret },
  ] = await Promise.all([
    import('../../kube/secret-store.ts'),
    import('../../kube/ca-bundle.ts'),
    import('./install-key.ts'),
    import('../../tls/own-authority.ts'),
    import('../../tls/serving-secret.ts'),
  ])
  const secrets = createSecretStore(client)
  const closed = new AbortController()
  let installKey: InstallKey | undefined
  /** The key stays what it is for the life of the process: checksums under two keys can't be compared. */
  async function keepKey(): Promise<void> {
    const problem = createProblemLog(log, 'install key not read; checksums leave Secrets out, trying again')
    while (!closed.signal.aborted) {
      try {
        const read = await (options.only === 'webhook'
          ? readInstallKey(secrets)
          : ensureInstallKey(secrets, installKey))
        installKey ??= read
        problem.succeeded()
        if (options.only === 'webhook') return
      } catch (error) {
        problem.failed(error)
      }
      const wait = installKey === undefined ? RETRY_MILLISECONDS : LOOK_AGAIN_MILLISECONDS
      await setTimeout(wait, undefined, { ref: false, signal: closed.signal }).catch(() => undefined)
    }
  }
  void keepKey()
  return {
    client,
    reader: createConfigReader(client),
    installKey: () => installKey,
    certificate: servingSecret(secrets),
    authority:
      options.tlsDir === undefined
        ? ownAuthority({
            secrets,
            publisher: createBundlePublisher(client, INSTALL_NAME),
            names: [`${INSTALL_NAME}.${client.namespace}.svc`],
            now: () => new Date(),
          })
        : undefined,
    close: () => closed.abort(),
  }
}

async function connect(
  { kubeconfig, only, tlsDir }: ServeOptions,
  environment: NodeJS.ProcessEnv,
): Promise<KubeClient | undefined> {
  const inCluster = (environment['KUBERNETES_SERVICE_HOST'] ?? '') !== ''
  if (kubeconfig === undefined && !inCluster) {
    if (only === 'webhook' && tlsDir !== undefined) return undefined
    throw new UserError(
      'HR_NO_CLUSTER',
      'serve: no --kubeconfig, and this is not a Pod',
      'use --kubeconfig FILE, or --only webhook --tls-dir DIR to inject Pods without a cluster',
    )
  }
  const { kubeconfigConnection, podConnection } = await import('../../kube/connection.ts')
  const { createClient } = await import('../../kube/client.ts')
  const connection =
    kubeconfig === undefined
      ? podConnection(environment)
      : kubeconfigConnection(kubeconfig, INSTALL_NAMESPACE)
  return createClient(await connection)
}
