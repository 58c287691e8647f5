/** `hotreload doctor`: checks the installation, and finds workloads whose settings have no effect. It changes nothing. */
import type { V1Deployment } from '@kubernetes/client-node'
import type { KubeClient } from '../../kube/client.ts'
import type { Defaults } from '../../policy/defaults.ts'
import { VERSION } from '../../version.ts'
import type { ClusterPolicy } from '../installed/policy.ts'
import { watchedNamespaces } from '../installed/watched-namespaces.ts'
import { clusterAccess } from '../shared/cluster-access.ts'
import { hasLabel, isNeverLabelled, whyNotCovered } from '../shared/namespace-label.ts'
import type { QueryOptions } from '../shared/query-flags.ts'
import { progressLine, type QueryIo, writeAnswer } from '../shared/query-output.ts'
import type { ServiceAccount } from '../shared/service-account.ts'
import { formatTable } from '../shared/table.ts'
import { isInjectedOrOptedIn } from '../status/agents.ts'
import { checkAgents } from './agents.ts'
import { checkNodes, checkOtherTools, checkServer } from './cluster.ts'
import { count, type Finding, found, ifReadable, type Result } from './finding.ts'
import { checkCertificates, checkDeployment, checkPolicy, checkWebhooks, trusted } from './install.ts'
import {
  accountName,
  type ClusterReader,
  createClusterReader,
  installNamespace,
  nameOf,
} from './read-cluster.ts'
import { checkRights, type Part, parts } from './rights.ts'
import { checkPolicyFile, checkSettings, followsOtherTools } from './settings.ts'
import { judgeTrial, untried } from './trial.ts'
import {
  checkAnnotations,
  checkNamespaces,
  checkPods,
  checkSecrets,
  checkSubPaths,
  secretsToRead,
  withoutController,
} from './workloads.ts'

/**
 * @returns the exit code: 0; 1 with a problem; 2 if something could not be checked
 * @throws UserError if the cluster can't be reached
 */
export async function doctorCommand(
  options: QueryOptions,
  given: Defaults | undefined,
  io: QueryIo,
  now = Date.now(),
): Promise<number> {
  const client = await clusterAccess(options, io.env)
  const progress = progressLine(io)
  const scope = { only: options.namespace, given, now }
  const findings = await examine(client, scope, (text) => progress.show(text)).finally(() => progress.end())
  writeAnswer(io, options.output, { kind: 'FindingList', items: findings }, (columns) =>
    asText(findings, columns),
  )
  return exitCodeOf(findings)
}

export function exitCodeOf(findings: readonly Finding[]): number {
  const has = (result: Result) => findings.some((one) => one.result === result)
  return has('problem') ? 1 : has('unknown') ? 2 : 0
}

/** The user's part of the input: the cluster does not know it. */
export interface Scope {
  /** The namespace whose workloads are checked; undefined: all. */
  only: string | undefined
  /** Of `--policy`; undefined: the installed one's. */
  given: Defaults | undefined
  now: number
}

export async function examine(
  client: KubeClient,
  { only, given, now }: Scope,
  show: (text: string) => void = () => {},
): Promise<Finding[]> {
  const read = createClusterReader(client, only, show)
  // First and alone: if this call fails, no other is made.
  const server = checkServer(await read.version())
  const [configuration, everyNamespace] = await Promise.all([read.configuration(), read.namespaces()])
  const namespace = installNamespace(configuration)
  const installed = await Promise.all(parts.map((part) => readPart(read, part, namespace)))
  const watched = watchedNamespaces(readDeployment(installed, 'controller'))
  const namespaces = within(watched, everyNamespace)
  const policy = await read.policy(namespace)
  return [
    ...server,
    ...(await examineInstall(
      read,
      { configuration, namespace, installed, namespaces, watched, only, policy },
      now,
    )),
    ...(await examineCluster(read)),
    ...(await examineWorkloads(read, { installed, namespaces, watched }, given ?? policy.defaults, now)),
  ]
}

type Namespaces = Awaited<ReturnType<ClusterReader['namespaces']>>

/** The webhook or the controller, as installed. */
interface InstalledPart {
  part: Part
  deployment: Awaited<ReturnType<ClusterReader['deployment']>>
  account: ServiceAccount
}

function within(watched: readonly string[] | undefined, namespaces: Namespaces): Namespaces {
  if (watched === undefined || 'denied' in namespaces) return namespaces
  return found(namespaces.value.filter(({ metadata }) => watched.includes(metadata?.name ?? '')))
}

interface Install {
  configuration: Awaited<ReturnType<ClusterReader['configuration']>>
  namespace: string
  installed: readonly InstalledPart[]
  /** Those that hotreload watches. */
  namespaces: Namespaces
  /** `--watch-namespaces`; undefined: all. */
  watched: readonly string[] | undefined
  /** The one namespace to check. */
  only: string | undefined
  policy: ClusterPolicy
}

async function readPart(read: ClusterReader, part: Part, namespace: string): Promise<InstalledPart> {
  const deployment = await read.deployment(namespace, part)
  return { part, deployment, account: { namespace, name: accountName(part, deployment) } }
}

async function examineInstall(
  read: ClusterReader,
  { configuration, namespace, installed, namespaces, watched, only, policy }: Install,
  now: number,
): Promise<Finding[]> {
  const webhooks = ifReadable('webhooks', configuration, checkWebhooks)
  if ('value' in configuration && configuration.value === undefined) return webhooks
  const installedEntries = 'value' in configuration ? configuration.value : undefined
  const certManager =
    installedEntries?.metadata?.annotations?.['cert-manager.io/inject-ca-from'] !== undefined
  const [reports, permissions, trial] = await Promise.all([
    read.replicaReports(namespace),
    Promise.all(
      installed.map(async ({ part, account }) =>
        ifReadable(
          'permissions',
          await read.missingRights(part, account, { certManager, watched }),
          (missing) => checkRights(missing, account),
        ),
      ),
    ),
    tryInjection(read, { namespaces, watched, only }),
  ])
  return [
    ...webhooks,
    ...installed.flatMap(({ part, deployment }) =>
      ifReadable('replicas', deployment, (one) =>
        checkDeployment(one, { namespace, name: nameOf[part] }, VERSION),
      ),
    ),
    ...checkSettings(readDeployment(installed, 'webhook'), readDeployment(installed, 'controller')),
    ...checkPolicyFile(policy),
    ...('value' in reports ? checkPolicy(reports.value) : []),
    ...ifReadable('certificate', 'value' in configuration ? reports : configuration, (ones) =>
      checkCertificates(trusted(installedEntries), ones, now),
    ),
    trial,
    ...permissions.flat(),
  ]
}

/** Undefined: it does not exist, or the user may not read it. */
function readDeployment(installed: Install['installed'], wanted: Part): V1Deployment | undefined {
  const deployment = installed.find(({ part }) => part === wanted)?.deployment
  return deployment && 'value' in deployment ? deployment.value : undefined
}

async function tryInjection(
  read: ClusterReader,
  { namespaces, watched, only }: Pick<Install, 'namespaces' | 'watched' | 'only'>,
): Promise<Finding> {
  if ('denied' in namespaces) return untried(`not tried: ${namespaces.denied}`, 'unknown')
  const where = namespaces.value.find(hasLabel)?.metadata?.name
  if (where !== undefined) return judgeTrial(await read.trial(where), where, VERSION)
  if (only === undefined)
    return untried(
      'no namespace is labelled, so nothing is injected; kubectl label namespace NAME hotreload.dev/injection=enabled',
    )
  const isWatched = watched?.includes(only) !== false
  const remedy =
    isWatched && !isNeverLabelled(only)
      ? `; kubectl label namespace ${only} hotreload.dev/injection=enabled`
      : ''
  return untried(`${whyNotCovered(only, isWatched)}${remedy}`)
}

async function examineCluster(read: ClusterReader): Promise<Finding[]> {
  const [nodes, deployments] = await Promise.all([read.nodes(), read.deployments()])
  return [
    ...ifReadable('nodes', nodes, checkNodes),
    ...ifReadable('other-tools', deployments, checkOtherTools),
  ]
}

async function examineWorkloads(
  read: ClusterReader,
  { installed, namespaces, watched }: Pick<Install, 'installed' | 'namespaces' | 'watched'>,
  defaults: Defaults,
  now: number,
): Promise<Finding[]> {
  const [all, pods] = await Promise.all([read.workloads(), read.pods()])
  if ('denied' in namespaces || 'denied' in all) {
    const why = [namespaces, all].flatMap((one) => ('denied' in one ? [one.denied] : [])).join(', ')
    return [{ check: 'workloads', result: 'unknown', text: `not checked: ${why}` }]
  }
  const labelled = new Set(namespaces.value.filter(hasLabel).map(({ metadata }) => metadata?.name ?? ''))
  const workloads = withoutController(all.value)
  const compat = followsOtherTools(readDeployment(installed, 'controller'))
  const accounts = installed.map(({ account }) => account)
  const secrets = secretsToRead(workloads, labelled, defaults, compat)
  return [
    ...checkNamespaces(workloads, labelled, watched),
    ...checkAnnotations(workloads, labelled, defaults),
    ...ifReadable('pods', pods, (ones) => checkPods(ones, workloads, labelled, defaults)),
    ...(await examineAgents(read, pods, now)),
    ...checkSecrets(secrets, await read.readableSecrets(secrets.keys(), accounts)),
    ...checkSubPaths(workloads),
  ]
}

async function examineAgents(
  read: ClusterReader,
  pods: Awaited<ReturnType<ClusterReader['pods']>>,
  now: number,
): Promise<Finding[]> {
  // Without the list the check `pods` says why.
  if ('denied' in pods) return []
  return checkAgents(await read.agents(pods.value.filter(isInjectedOrOptedIn), now))
}

function asText(findings: readonly Finding[], columns: number | undefined): string {
  const rows = findings.map(({ result, check, text }) => [result, check, text])
  const sums = (['problem', 'warning'] as const).map((result) =>
    count(findings.filter((one) => one.result === result).length, result),
  )
  const unchecked = findings.filter(({ result }) => result === 'unknown').length
  const rest = unchecked > 0 ? `, ${count(unchecked, 'check')} not done` : ''
  return `${formatTable(['RESULT', 'CHECK', 'WHAT'], rows, columns)}\n${sums.join(', ')}${rest}\n`
}
