/** What `serve` has of the cluster, if there is one: loaded here and nowhere else, so that a process without one never loads a client. */
import { type ConfigReader, createConfigReader } from '../../api/config-reader.ts'
import { UserError } from '../../errors.ts'
import type { KubeClient } from '../../kube/client.ts'
import type { CertificateSource } from '../../tls/keeper.ts'
import type { InstallKey } from '../../workload/checksum.ts'
import { INSTALL_NAME, INSTALL_NAMESPACE } from '../shared/install-names.ts'
import type { ServeOptions } from './options.ts'

export interface ClusterParts {
  client: KubeClient
  reader: ConfigReader
  readInstallKey: () => Promise<InstallKey>
  /** Our own authority and certificate, kept in Secrets. */
  authority: () => CertificateSource
}

/**
 * Undefined where there is no cluster and none is needed.
 * @throws UserError HR_NO_CLUSTER where one is
 */
export async function clusterParts(
  options: ServeOptions,
  environment: NodeJS.ProcessEnv,
): Promise<ClusterParts | undefined> {
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
  return {
    client,
    reader: createConfigReader(client),
    readInstallKey: () => readInstallKey(secrets),
    authority: () =>
      ownAuthority({
        secrets,
        publisher: createBundlePublisher(client, INSTALL_NAME),
        names: [`${INSTALL_NAME}.${client.namespace}.svc`],
        now: () => new Date(),
      }),
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
