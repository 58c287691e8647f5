/** `hotreload doctor`: whether all that hotreload needs is there, and whether what users asked for comes about. It changes nothing. */
import type { KubeClient } from '../../kube/client.ts'
import type { Defaults } from '../../policy/defaults.ts'
import { VERSION } from '../../version.ts'
import { clusterAccess } from '../shared/cluster-access.ts'
import { hasLabel } from '../shared/namespace-label.ts'
import type { QueryOptions } from '../shared/query-flags.ts'
import { progressOn, type QueryIo, writeAnswer } from '../shared/query-output.ts'
import type { ServiceAccount } from '../shared/service-account.ts'
import { formatTable } from '../shared/table.ts'
import { checkNodes, checkOtherTools, checkServer } from './cluster.ts'
import { count, type Finding, ifReadable, type Result } from './finding.ts'
import { checkCertificates, checkDeployment, checkWebhooks, followsOtherTools, trusted } from './install.ts'
import { accountOf, createClusterReader } from './read-cluster.ts'
import { checkRights } from './rights.ts'
import { judgeTrial, untried } from './trial.ts'
import {
  checkAnnotations,
  checkNamespaces,
  checkPods,
  checkSecrets,
  checkSubPaths,
  secretsToRead,
  usersOwn,
} from './workloads.ts'

/**
 * @returns the exit code: 0; 1 with a problem; 2 where something could not be looked at
 * @throws UserError where the cluster can't be asked at all
 */
export async function doctorCommand(
  options: QueryOptions,
  defaults: Defaults,
  io: QueryIo,
  now = Date.now(),
): Promise<number> {
  const client = await clusterAccess(options, io.env)
  const progress = progressOn(io)
  const question = { only: options.namespace, defaults, now }
  const findings = await examine(client, question, (text) => progress.say(text)).finally(() => progress.end())
  writeAnswer(io, options.output, findings, (columns) => asText(findings, columns))
  return exitCodeOf(findings)
}

export function exitCodeOf(findings: readonly Finding[]): number {
  const has = (result: Result) => findings.some((one) => one.result === result)
  return has('problem') ? 1 : has('unknown') ? 2 : 0
}

/** What a person knows and the cluster does not tell. */
export interface Question {
  /** The namespace whose workloads are looked at; undefined: all. */
  only: string | undefined
  /** The cluster's policy file. */
  defaults: Defaults
  now: number
}

export async function examine(
  client: KubeClient,
  { only, defaults, now }: Question,
  say: (text: string) => void = () => {},
): Promise<Finding[]> {
  const read = createClusterReader(client, only, say)
  // First and alone: without an answer to this nothing else is asked.
  const server = checkServer(await read.version())
  const [configuration, namespaces] = await Promise.all([read.configuration(), read.namespaces()])
  const { namespace } = accountOf(configuration)
  const deployment = await read.deployment(namespace)
  const account = accountOf(configuration, deployment)
  return [
    ...server,
    ...(await examineInstall(read, { configuration, deployment, account, namespaces }, now)),
    ...(await examineCluster(read)),
    ...(await examineWorkloads(read, { deployment, account, namespaces }, defaults)),
  ]
}

type Reader = ReturnType<typeof createClusterReader>
type Namespaces = Awaited<ReturnType<Reader['namespaces']>>

interface Install {
  configuration: Awaited<ReturnType<Reader['configuration']>>
  deployment: Awaited<ReturnType<Reader['deployment']>>
  account: ServiceAccount
  namespaces: Namespaces
}

async function examineInstall(
  read: Reader,
  { configuration, deployment, account, namespaces }: Install,
  now: number,
): Promise<Finding[]> {
  const webhooks = ifReadable('webhooks', configuration, checkWebhooks)
  if ('found' in configuration && configuration.found === undefined) return webhooks
  const found = 'found' in configuration ? configuration.found : undefined
  const certManager = found?.metadata?.annotations?.['cert-manager.io/inject-ca-from'] !== undefined
  const [expiries, missing, trial] = await Promise.all([
    read.expiries(account.namespace),
    read.missingRights(account, certManager),
    tryInjection(read, namespaces),
  ])
  return [
    ...webhooks,
    ...ifReadable('replicas', deployment, (one) => checkDeployment(one, account.namespace, VERSION)),
    ...ifReadable('certificate', 'found' in configuration ? expiries : configuration, (ones) =>
      checkCertificates(trusted(found), ones, now),
    ),
    trial,
    ...ifReadable('permissions', missing, (ones) => checkRights(ones, account)),
  ]
}

async function tryInjection(read: Reader, namespaces: Namespaces): Promise<Finding> {
  if ('missing' in namespaces) return untried(`not tried: ${namespaces.missing}`, 'unknown')
  const where = namespaces.found.find(hasLabel)?.metadata?.name
  return where === undefined
    ? untried(
        'no namespace is labelled, so nothing is injected; kubectl label namespace NAME hotreload.dev/injection=enabled',
      )
    : judgeTrial(await read.trial(where), where, VERSION)
}

async function examineCluster(read: Reader): Promise<Finding[]> {
  const [nodes, deployments] = await Promise.all([read.nodes(), read.deployments()])
  return [
    ...ifReadable('nodes', nodes, checkNodes),
    ...ifReadable('other-tools', deployments, checkOtherTools),
  ]
}

async function examineWorkloads(
  read: Reader,
  { deployment, account, namespaces }: Omit<Install, 'configuration'>,
  defaults: Defaults,
): Promise<Finding[]> {
  const [all, pods] = await Promise.all([read.workloads(), read.pods()])
  if ('missing' in namespaces || 'missing' in all) {
    const why = [namespaces, all].flatMap((one) => ('missing' in one ? [one.missing] : [])).join(', ')
    return [{ check: 'workloads', result: 'unknown', text: `not looked at: ${why}` }]
  }
  const labelled = new Set(namespaces.found.filter(hasLabel).map(({ metadata }) => metadata?.name ?? ''))
  const workloads = usersOwn(all.found)
  const compat = !('found' in deployment) || followsOtherTools(deployment.found)
  const secrets = secretsToRead(workloads, labelled, defaults, compat)
  return [
    ...checkNamespaces(workloads, labelled),
    ...checkAnnotations(workloads, labelled, defaults),
    ...ifReadable('pods', pods, (ones) => checkPods(ones, workloads, labelled, defaults)),
    ...checkSecrets(secrets, await read.readableSecrets(secrets.keys(), account)),
    ...checkSubPaths(workloads),
  ]
}

function asText(findings: readonly Finding[], columns: number | undefined): string {
  const rows = findings.map(({ result, check, text }) => [result, check, text])
  const sums = (['problem', 'warning'] as const).map((result) =>
    count(findings.filter((one) => one.result === result).length, result),
  )
  const unseen = findings.filter(({ result }) => result === 'unknown').length
  const rest = unseen > 0 ? `, ${count(unseen, 'thing')} not looked at` : ''
  return `${formatTable(['RESULT', 'CHECK', 'WHAT'], rows, columns)}\n${sums.join(', ')}${rest}\n`
}
