// The webhook for the tests of one file: the real server with the real handlers in this process, registered with the entries of
// deploy/ for the namespaces of this file. Files don't see each other's namespaces, nor does an install in the cluster.
import { readFile } from 'node:fs/promises'
import { afterAll } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { podHandler } from '../../src/admission/pod-handler.ts'
import { type Answered, createServer } from '../../src/admission/server.ts'
import { unlabelledHandler } from '../../src/admission/unlabelled-handler.ts'
import { workloadHandler } from '../../src/admission/workload-handler.ts'
import type { ConfigReader } from '../../src/api/config-reader.ts'
import { builtInDefaults, type Defaults } from '../../src/policy/defaults.ts'
import { issueAuthority, issueServing } from '../../src/tls/issue.ts'
import { AGENT_IMAGE, VERSION } from '../../src/version.ts'
import type { InstallKey } from '../../src/workload/checksum.ts'
import { type Namespace, namespace } from './kube.ts'
import { kubectl, manifest, tryKubectl } from './kubectl.ts'
import { listen } from './server.ts'
import { until } from './until.ts'

export interface Webhook {
  /** Creates a namespace that this webhook sees, by default labelled `injection=enabled`. */
  namespace(labels?: Readonly<Record<string, string>>): Promise<Namespace>
  /** Every review that it has answered so far. */
  answered: readonly Answered[]
  port: number
}

export interface WebhookOptions {
  agentImage?: string
  reader?: ConfigReader
  installKey?: InstallKey
  defaults?: Defaults
  /** Changes the entries before they are registered. */
  configuration?: (configuration: WebhookConfiguration) => WebhookConfiguration
}

export interface WebhookConfiguration {
  metadata: { name: string }
  webhooks: {
    name: string
    clientConfig: { service?: { path?: string }; url?: string; caBundle?: string }
    namespaceSelector?: { matchExpressions?: object[] }
  }[]
}

/** Namespaces of a test's own webhook carry its id under this label. */
const TEST_WEBHOOK_LABEL = 'hotreload.dev/test-webhook'

const registrations: { name: string; close: () => Promise<void> }[] = []

// Registered here, because vitest never calls a hook that another hook adds, as webhook() would in beforeAll.
afterAll(async () => {
  for (const { name, close } of registrations.splice(0)) {
    await tryKubectl(['delete', 'mutatingwebhookconfiguration', name])
    await close()
  }
})

/** Starts a server and registers it until the file ends. */
export async function webhook(options: WebhookOptions = {}): Promise<Webhook> {
  const id = crypto.randomUUID().slice(0, 8)
  const answered: Answered[] = []
  const defaults = () => options.defaults ?? builtInDefaults
  const server = createServer({
    handlers: {
      pods: podHandler({
        agentImage: options.agentImage ?? AGENT_IMAGE,
        version: VERSION,
        defaults,
      }),
      workloads: workloadHandler({
        defaults,
        reader: options.reader ?? kubectlReader,
        installKey: () => options.installKey,
      }),
      unlabelled: unlabelledHandler,
    },
    onAnswered: (one) => answered.push(one),
    onRefused: (code, status, message) => console.error('refused', code, status, message),
  })
  const now = new Date()
  const authority = await issueAuthority(now)
  server.server.setSecureContext(await issueServing(authority, ['localhost'], now))
  const port = await listen(server)

  const configuration = registered(await deployedConfiguration(), `test-${id}`, id, port, authority.cert)
  await kubectl(['create', '-f', '-'], manifest((options.configuration ?? ((same) => same))(configuration)))
  registrations.push({ name: `test-${id}`, close: () => server.close() })
  const seen = (labels: Readonly<Record<string, string>> = { 'hotreload.dev/injection': 'enabled' }) =>
    namespace({ ...labels, [TEST_WEBHOOK_LABEL]: id })
  const probe = await seen()
  await until('the API server calls the webhook', async () => {
    await probe.kubectl(['create', '--dry-run=server', '-f', '-'], manifest(optedIn))
    return answered.length > 0
  })
  return { namespace: seen, answered, port }
}

/** The API server takes a moment to see a new configuration. Meanwhile it would store such a Pod as it is. */
const optedIn = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'probe', annotations: { 'hotreload.dev/inject': 'true' } },
  spec: { containers: [{ name: 'app', image: 'localhost/none:1' }] },
}

/** The MutatingWebhookConfiguration of deploy/. */
async function deployedConfiguration(): Promise<WebhookConfiguration> {
  const text = await readFile(new URL('../../deploy/base/webhook.yaml', import.meta.url), 'utf8')
  const found = parseAllDocuments(text)
    .map((document): unknown => document.toJS())
    .find(
      (object) =>
        typeof object === 'object' &&
        object !== null &&
        'kind' in object &&
        object.kind === 'MutatingWebhookConfiguration',
    )
  return found as WebhookConfiguration
}

function registered(
  configuration: WebhookConfiguration,
  name: string,
  id: string,
  port: number,
  ca: string,
): WebhookConfiguration {
  return {
    ...configuration,
    metadata: { name },
    webhooks: configuration.webhooks.map((entry) => ({
      ...entry,
      clientConfig: {
        url: `https://localhost:${port}${entry.clientConfig.service?.path ?? ''}`,
        caBundle: Buffer.from(ca).toString('base64'),
      },
      namespaceSelector: {
        ...entry.namespaceSelector,
        matchExpressions: [
          ...(entry.namespaceSelector?.matchExpressions ?? []),
          { key: TEST_WEBHOOK_LABEL, operator: 'In', values: [id] },
        ],
      },
    })),
  }
}

/** Reads every ConfigMap and Secret with the test's own rights. The tests of the install cover RBAC. */
const kubectlReader: ConfigReader = {
  configMap: (ns, name) => read(ns, 'configmap', name),
  secret: (ns, name) => read(ns, 'secret', name),
}

async function read(ns: string, kind: string, name: string) {
  const { code, stdout } = await tryKubectl(['get', kind, name, '--namespace', ns, '--output=yaml'])
  if (code !== 0) return 'absent' as const
  const { data = {}, binaryData = {}, immutable = false } = parse(stdout)
  return kind === 'secret' ? { data: {}, binaryData: data, immutable } : { data, binaryData, immutable }
}
