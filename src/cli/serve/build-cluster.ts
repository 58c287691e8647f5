/** What the parts of `serve` use of the cluster. It is loaded here only, so that a process without a cluster never loads a client. */
import { type ConfigReader, createConfigReader } from '../../api/config-reader.ts'
import { describeError, UserError } from '../../errors.ts'
import type { KubeClient } from '../../kube/client.ts'
import type { Log } from '../../telemetry/log.ts'
import type { CertificateSource } from '../../tls/keeper.ts'
import type { InstallKey } from '../../workload/checksum.ts'
import { INSTALL_NAME, INSTALL_NAMESPACE } from '../shared/install-names.ts'
import type { ServeOptions } from './options.ts'

export interface Cluster {
  client: KubeClient
  reader: ConfigReader
  /** Undefined: not read yet. */
  installKey: () => InstallKey | undefined
  /** Our own authority and certificate, kept in Secrets. */
  authority: () => CertificateSource
  close(): void
}

const RETRY_MILLISECONDS = 10_000

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
  const [{ createSecretStore }, { createBundlePublisher }, { readInstallKey }, { ownAuthority }] =
    await Promise.all([
      import('../../kube/secret-store.ts'),
      import('../../kube/ca-bundle.ts'),
      import('./install-key.ts'),
      import('../../tls/own-authority.ts'),
    ])
  const secrets = createSecretStore(client)
  const closed = new AbortController()
  let installKey: InstallKey | undefined
  const keepKey = async () => {
    installKey = await readInstallKey(secrets)
  }
  void retry(keepKey, log, closed.signal)
  return {
    client,
    reader: createConfigReader(client),
    installKey: () => installKey,
    authority: () =>
      ownAuthority({
        secrets,
        publisher: createBundlePublisher(client, INSTALL_NAME),
        names: [`${INSTALL_NAME}.${client.namespace}.svc`],
        now: () => new Date(),
      }),
    close: () => closed.abort(),
  }
}

/** Calls `attempt` until it succeeds, and logs each failure. */
async function retry(attempt: () => Promise<void>, log: Log, stop: AbortSignal): Promise<void> {
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
