/** Checks the installation: the webhook configuration, the replicas, the certificates. Pure. */
import type { V1Deployment, V1MutatingWebhookConfiguration } from '@kubernetes/client-node'
import { manual } from '../../manual.ts'
import { type Certificate, parseBundle } from '../../tls/certificates.ts'
import { containerOf, valueOf } from '../installed/settings.ts'
import { CONTROLLER_NAME, INSTALL_NAME } from '../shared/install-names.ts'
import { type Check, type Finding, few } from './finding.ts'

/** The entries of deploy/base/webhook.yaml. */
export const ENTRIES = [
  'pods.hotreload.dev',
  'pods-required.hotreload.dev',
  'workloads.hotreload.dev',
  'workloads-required.hotreload.dev',
  'unlabelled.hotreload.dev',
] as const

const INSTALL = `install hotreload: ${manual('install')}`

/** @param configuration undefined: it does not exist */
export function checkWebhooks(configuration: V1MutatingWebhookConfiguration | undefined): Finding[] {
  const check = 'webhooks'
  const problem = (text: string): Finding => ({ check, result: 'problem', text })
  const what = `MutatingWebhookConfiguration ${configuration?.metadata?.name ?? INSTALL_NAME}`
  if (!configuration)
    return [problem(`${what} does not exist, so nothing is injected: hotreload is not installed; ${INSTALL}`)]
  const entries = configuration.webhooks ?? []
  const lacking = ENTRIES.filter((name) => !entries.some((entry) => entry.name === name))
  const empty = entries.filter(({ clientConfig }) => !clientConfig.caBundle).map(({ name }) => name)
  const findings = [
    ...(lacking.length > 0 ? [problem(`${what} has no entry ${lacking.join(', ')}; ${INSTALL}`)] : []),
    ...(empty.length > 0
      ? [
          problem(
            `${what} has no caBundle at ${few(empty)}, so the API server can't verify hotreload's certificate; see the log of Deployment ${CONTROLLER_NAME}, or of cert-manager's cainjector`,
          ),
        ]
      : []),
  ]
  return findings.length > 0
    ? findings
    : [{ check, result: 'ok', text: `${what} has its ${ENTRIES.length} entries, each with a caBundle` }]
}

/** All authorities that the API server trusts for our entries, each once. */
export const trusted = (configuration: V1MutatingWebhookConfiguration | undefined): Certificate[] =>
  [...new Set((configuration?.webhooks ?? []).map(({ clientConfig }) => clientConfig.caBundle ?? ''))]
    .map((bundle) => Buffer.from(bundle, 'base64').toString())
    .flatMap(parseBundle)

/** @param ours the version of this program */
export function checkDeployment(
  deployment: V1Deployment | undefined,
  { namespace, name }: { namespace: string; name: string },
  ours: string,
): Finding[] {
  const check = 'replicas'
  const what = `Deployment ${namespace}/${name}`
  if (!deployment) return [{ check, result: 'problem', text: `${what} does not exist; ${INSTALL}` }]
  const wanted = deployment.spec?.replicas ?? 1
  const ready = deployment.status?.readyReplicas ?? 0
  const updated = deployment.status?.updatedReplicas ?? 0
  const text = `${what} has ${ready} of ${wanted} replicas Ready${updated < wanted ? `, ${updated} of its newest template` : ''}`
  const result = ready === 0 ? 'problem' : Math.min(ready, updated) < wanted ? 'warning' : 'ok'
  const advice = result === 'ok' ? '' : `; see kubectl describe pods -n ${namespace}`
  return [{ check, result, text: text + advice }, ...checkVersions(deployment, what, ours)]
}

function checkVersions(deployment: V1Deployment, what: string, ours: string): Finding[] {
  const container = containerOf(deployment)
  const server = tagOf(container?.image)
  const agent = tagOf(valueOf(container, 'HOTRELOAD_AGENT_IMAGE'))
  const differing = [
    ...(server && server !== ours ? [`it is ${server} and this program ${ours}`] : []),
    ...(server && agent && server !== agent ? [`it is ${server} and its agents ${agent}`] : []),
  ]
  if (differing.length > 0)
    return [
      {
        check: 'versions',
        result: 'warning',
        text: `${what}: ${differing.join('; ')}; use one version for all`,
      },
    ]
  return [{ check: 'versions', result: 'ok', text: `${what} runs ${server ?? 'an image without a version'}` }]
}

/** Undefined for an image with a digest only, or `latest`. */
function tagOf(image = ''): string | undefined {
  const tag = /:([^/:@]+)$/.exec(image.split('@')[0] ?? '')?.[1]
  return tag === 'latest' ? undefined : tag
}

/** What a replica of the webhook says in its metrics. Times in milliseconds since 1970; undefined: not reported. */
export interface ReplicaReport {
  pod: string
  serving?: number
  /** Of its authority. A replica with cert-manager's files has none. */
  ca?: number
  /** It can't use its policy file. */
  hasBadPolicy?: boolean
}

const EXPIRY = /^hotreload_certificate_expiry_timestamp_seconds\{certificate="(serving|ca)"\} ([\d.e+]+)$/gm

export function readReport(pod: string, metrics: string): ReplicaReport {
  const samples = [...metrics.matchAll(EXPIRY)].map(([, which = '', seconds]) => [
    which,
    Number(seconds) * 1000,
  ])
  const hasBadPolicy = /^hotreload_policy_valid 0$/m.test(metrics)
  return { pod, ...Object.fromEntries(samples), ...(hasBadPolicy ? { hasBadPolicy } : {}) }
}

export const checkPolicy = (replicas: readonly ReplicaReport[]): Finding[] =>
  replicas
    .filter(({ hasBadPolicy }) => hasBadPolicy)
    .map(({ pod }) => ({
      check: 'settings',
      result: 'problem',
      text: `Pod ${pod} can't use its policy file and works on with the last good one; its log and the Event PolicyInvalid on Deployment ${CONTROLLER_NAME} name the mistake`,
    }))

/** Renewal is due when a third of 90 days is left, so that a certificate with less than 7 days should have been renewed weeks ago. */
const SOON_MILLISECONDS = 7 * 86_400_000

export function checkCertificates(
  authorities: readonly Certificate[],
  replicas: readonly ReplicaReport[],
  now: number,
): Finding[] {
  const check = 'certificate' as const
  if (authorities.length === 0)
    return [
      {
        check,
        result: 'problem',
        text: `caBundle holds no certificate; see the log of Deployment ${CONTROLLER_NAME}`,
      },
    ]
  const last = Math.max(...authorities.map(({ notAfter }) => notAfter.getTime()))
  const untrusted = replicas.filter(
    ({ ca }) =>
      ca !== undefined && !authorities.some(({ notAfter }) => Math.abs(notAfter.getTime() - ca) < 1000),
  )
  return [
    checkExpiry(check, 'the authority in caBundle', last, now),
    ...replicas.flatMap(({ pod, serving }) =>
      serving === undefined
        ? [
            {
              check,
              result: 'unknown' as const,
              text: `Pod ${pod} did not report when its certificate expires`,
            },
          ]
        : [checkExpiry(check, `the certificate of Pod ${pod}`, serving, now)],
    ),
    ...untrusted.map(({ pod }) => ({
      check,
      result: 'problem' as const,
      text: `Pod ${pod} serves a certificate of an authority that is not in caBundle; see its log`,
    })),
  ]
}

function checkExpiry(check: Check, what: string, at: number, now: number): Finding {
  const date = new Date(at).toISOString().slice(0, 10)
  if (at <= now)
    return {
      check,
      result: 'problem',
      text: `${what} expired on ${date}, so the API server can't call the webhook; see the log`,
    }
  return at - now < SOON_MILLISECONDS
    ? {
        check,
        result: 'warning',
        text: `${what} expires on ${date} and should have been renewed; see the log`,
      }
    : { check, result: 'ok', text: `${what} is valid until ${date}` }
}
