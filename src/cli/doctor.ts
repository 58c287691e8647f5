/** `hotreload doctor`: whether all that hotreload needs is there, and whether what users asked for comes about. It changes nothing. */
import type { KubeClient } from '../kube/client.ts'
import { VERSION } from '../version.ts'
import { clusterAccess } from './cluster-access.ts'
import { checkNodes, checkOtherTools, checkServer } from './doctor/cluster.ts'
import { count, type Finding, type Result, whenSeen } from './doctor/finding.ts'
import { checkCertificates, checkDeployment, checkWebhooks, trusted } from './doctor/install.ts'
import { accountOf, createClusterReader } from './doctor/read-cluster.ts'
import { checkRights } from './doctor/rights.ts'
import { judgeTrial, untried } from './doctor/trial.ts'
import {
  checkAnnotations,
  checkNamespaces,
  checkPods,
  checkSecrets,
  checkSubPaths,
  secretsToRead,
  usersOwn,
} from './doctor/workloads.ts'
import { hasLabel } from './labelled.ts'
import type { QueryOptions } from './query-flags.ts'
import { progressOn, type QueryIo, writeAnswer } from './query-output.ts'
import { formatTable } from './table.ts'

/**
 * @returns the exit code: 0; 1 with a problem; 2 where something could not be looked at
 * @throws UserError where the cluster can't be asked at all
 */
export async function doctorCommand(options: QueryOptions, io: QueryIo, now = Date.now()): Promise<number> {
  const client = await clusterAccess(options, io.env)
  const progress = progressOn(io)
  const findings = await examine(client, options.namespace, now, (text) => progress.say(text)).finally(() =>
    progress.end(),
  )
  writeAnswer(io, options.output, findings, (columns) => asText(findings, columns))
  return exitCodeOf(findings)
}

export function exitCodeOf(findings: readonly Finding[]): number {
  const has = (result: Result) => findings.some((one) => one.result === result)
  return has('problem') ? 1 : has('unknown') ? 2 : 0
}

/** @param only the namespace whose workloads are looked at; undefined: all */
export async function examine(
  client: KubeClient,
  only: string | undefined,
  now: number,
  say: (text: string) => void = () => {},
): Promise<Finding[]> {
  const read = createClusterReader(client, only, say)
  // First and alone: without an answer to this nothing else is asked.
  const server = checkServer(await read.version())
  return [
    ...server,
    ...(await examineInstall(read, now)),
    ...(await examineCluster(read)),
    ...(await examineWorkloads(read)),
  ]
}

type Reader = ReturnType<typeof createClusterReader>

async function examineInstall(read: Reader, now: number): Promise<Finding[]> {
  const configuration = await read.configuration()
  const webhooks = whenSeen('webhooks', configuration, checkWebhooks)
  if ('found' in configuration && configuration.found === undefined) return webhooks
  const { namespace } = accountOf(configuration)
  const deployment = await read.deployment(namespace)
  const account = accountOf(configuration, deployment)
  const found = 'found' in configuration ? configuration.found : undefined
  const certManager = found?.metadata?.annotations?.['cert-manager.io/inject-ca-from'] !== undefined
  const [expiries, missing, trial] = await Promise.all([
    read.expiries(namespace),
    read.missingRights(account, certManager),
    tryInjection(read),
  ])
  return [
    ...webhooks,
    ...whenSeen('replicas', deployment, (one) => checkDeployment(one, namespace, VERSION)),
    ...(found
      ? whenSeen('certificate', expiries, (ones) => checkCertificates(trusted(found), ones, now))
      : []),
    trial,
    ...whenSeen('permissions', missing, (ones) => checkRights(ones, account)),
  ]
}

async function tryInjection(read: Reader): Promise<Finding> {
  const namespaces = await read.namespaces()
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
  return [...whenSeen('nodes', nodes, checkNodes), ...whenSeen('other-tools', deployments, checkOtherTools)]
}

async function examineWorkloads(read: Reader): Promise<Finding[]> {
  const [namespaces, all, pods] = await Promise.all([read.namespaces(), read.workloads(), read.pods()])
  const account = accountOf(await read.configuration())
  const labelled =
    'found' in namespaces
      ? { found: new Set(namespaces.found.filter(hasLabel).map(({ metadata }) => metadata?.name ?? '')) }
      : namespaces
  if ('missing' in labelled || 'missing' in all) {
    const why = [labelled, all].flatMap((one) => ('missing' in one ? [one.missing] : [])).join(', ')
    return [{ check: 'workloads', result: 'unknown', text: `not looked at: ${why}` }]
  }
  const workloads = usersOwn(all.found)
  const secrets = secretsToRead(workloads, labelled.found)
  return [
    ...checkNamespaces(workloads, labelled.found),
    ...checkAnnotations(workloads, labelled.found),
    ...whenSeen('pods', pods, (ones) => checkPods(ones, labelled.found)),
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
