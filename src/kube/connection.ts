/**
 * Address of the API server and our credentials. In a Pod both come from three files and two variables. A kubeconfig is read by client-node's
 * KubeConfig, which is imported only for one: it loads undici and openid-client, 0.4 s and 40 MB, whichever part of it is imported.
 */
import { readFile } from 'node:fs/promises'
import { Agent } from 'node:http'
import { systemClock } from '../async/clock.ts'
import { UserError } from '../errors.ts'

export interface Credentials {
  /** e.g. https://10.96.0.1:443, perhaps with a path */
  server: URL
  headers: Record<string, string>
  tls: {
    ca?: string | Buffer
    cert?: string | Buffer
    key?: string | Buffer
    servername?: string
    rejectUnauthorized?: boolean
  }
  /** Only with proxy-url in the kubeconfig. */
  proxy?: Agent
}

export interface Connection {
  /** The namespace hotreload runs in, or the kubeconfig's. */
  namespace: string
  /** The current ones: the kubelet or a login program renews tokens. */
  credentials(): Promise<Credentials>
}

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/** The kubelet renews a token after 80 % of its hour; client-go re-reads it after a minute as well. */
const TOKEN_LIFE_MILLISECONDS = 60_000

/**
 * The connection of a Pod.
 * @param directory in which the kubelet writes token, ca.crt and namespace
 * @throws UserError HR_NO_CLUSTER where the files do not exist
 */
export async function podConnection(
  environment: NodeJS.ProcessEnv,
  directory = SERVICE_ACCOUNT,
): Promise<Connection> {
  const host = environment['KUBERNETES_SERVICE_HOST'] ?? ''
  const port = environment['KUBERNETES_SERVICE_PORT'] ?? '443'
  const server = new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`)
  const read = async (name: string) => {
    const text = await readFile(`${directory}/${name}`, 'utf8').catch(() => undefined)
    if (text !== undefined) return text.trim()
    const remedy = 'set automountServiceAccountToken: true, or use --kubeconfig'
    throw new UserError('HR_NO_CLUSTER', `${directory}/${name} is not readable`, remedy)
  }
  const credentials = async (): Promise<Credentials> => {
    const token = await read('token')
    const ca = await read('ca.crt')
    return { server, headers: { authorization: `Bearer ${token}` }, tls: { ca } }
  }
  const namespace = await read('namespace')
  let latest = { at: systemClock.now(), value: await credentials() }
  return {
    namespace,
    async credentials() {
      if (systemClock.now() - latest.at >= TOKEN_LIFE_MILLISECONDS)
        latest = { at: systemClock.now(), value: await credentials() }
      return latest.value
    },
  }
}

export interface KubeconfigChoice {
  /** The kubeconfig's current context by default. */
  context?: string
}

/**
 * The connection of a kubeconfig's current context, or of another context.
 * @param file one or several, as in KUBECONFIG. Of two entries with the same name the first counts, as in kubectl
 * @throws UserError HR_BAD_KUBECONFIG
 */
export async function kubeconfigConnection(
  file: string | readonly [string, ...string[]],
  defaultNamespace: string,
  { context }: KubeconfigChoice = {},
): Promise<Connection> {
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js')
  const files = typeof file === 'string' ? [file] : file
  const bad = (problem: string) =>
    new UserError(
      'HR_BAD_KUBECONFIG',
      `--kubeconfig: ${files.join(', ')} ${problem}`,
      'try it with kubectl --kubeconfig',
    )
  const parts = files.map((name) => {
    const part = new KubeConfig()
    try {
      part.loadFromFile(name)
    } catch (error) {
      throw bad(
        error instanceof Error && 'code' in error
          ? `can't be read (${String(error.code)})`
          : 'is not a kubeconfig',
      )
    }
    return part
  })
  const config = new KubeConfig()
  config.loadFromOptions({
    clusters: firstOfEachName(parts.flatMap((part) => part.getClusters())),
    users: firstOfEachName(parts.flatMap((part) => part.getUsers())),
    contexts: firstOfEachName(parts.flatMap((part) => part.getContexts())),
    currentContext: context ?? parts.map((part) => part.getCurrentContext()).find(Boolean),
  })
  if (context !== undefined && config.getContextObject(context) === null)
    throw bad(
      `has no context ${context}, but ${config
        .getContexts()
        .map(({ name }) => name)
        .join(', ')}`,
    )
  const cluster = config.getCurrentCluster()
  if (cluster === null) throw bad('has no current context with a cluster')
  const namespace = config.getContextObject(config.getCurrentContext())?.namespace ?? defaultNamespace
  return {
    namespace,
    async credentials() {
      // Logs in where the user entry requires it (exec, oidc). It only writes to the object passed in.
      const options: Parameters<typeof config.applyToHTTPSOptions>[0] = {}
      await config.applyToHTTPSOptions(options)
      return { server: new URL(cluster.server), ...fromHttpsOptions(options, cluster.proxyUrl !== undefined) }
    },
  }
}

const firstOfEachName = <T extends { name: string }>(entries: readonly T[]): T[] => [
  ...new Map(entries.toReversed().map((entry) => [entry.name, entry])).values(),
]

type HttpsOptions = import('node:https').RequestOptions

function fromHttpsOptions(options: HttpsOptions, proxied: boolean): Omit<Credentials, 'server'> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(options.headers ?? {}))
    headers[name.toLowerCase()] = String(value)
  if (typeof options.auth === 'string')
    headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`
  const tls: Credentials['tls'] = {}
  if (isPem(options.ca)) tls.ca = options.ca
  if (isPem(options.cert)) tls.cert = options.cert
  if (isPem(options.key)) tls.key = options.key
  if (options.servername !== undefined) tls.servername = options.servername
  if (options.rejectUnauthorized !== undefined) tls.rejectUnauthorized = options.rejectUnauthorized
  return proxied && options.agent instanceof Agent ? { headers, tls, proxy: options.agent } : { headers, tls }
}

function isPem(value: unknown): value is string | Buffer {
  return typeof value === 'string' || Buffer.isBuffer(value)
}
