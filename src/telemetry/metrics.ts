/** The webhook's metrics. Label values come from closed sets: a request must not be able to create new series. */

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { kindLabel, workloadKinds } from '../workload/kinds.ts'

/** One answered AdmissionReview. */
export interface AnswerSample {
  /** As `kindLabel` writes it. */
  kind: string
  outcome: string
  /** The key of the reason for a skip or failure. */
  reason?: string | undefined
  seconds: number
}

/**
 * The label values that the counters can have. A series starts at 0, before its first event: `increase()` and `rate()` miss the step from
 * no series to 1.
 */
export interface AdmissionLabels {
  answers: readonly Pick<AnswerSample, 'kind' | 'outcome' | 'reason'>[]
  /** Codes. */
  refusals: readonly string[]
}

export interface Metrics {
  registry: Registry
  answered(sample: AnswerSample): void
  refused(code: string): void
  certificate(certificate: 'serving' | 'ca', expires: Date): void
  policyFile(isValid: boolean): void
}

/** The kinds in our webhook configuration; a review of another kind was sent by hand. */
const kinds: ReadonlySet<string> = new Set(['Pod', ...workloadKinds.map(kindLabel)])

/** Seconds. A Pod takes about 0.1 ms; a workload's handler waits for the API server for 1 s at most. */
const buckets = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5]

/** @param known of the webhook; a controller without a webhook has no such series */
export function createMetrics(known: AdmissionLabels = { answers: [], refusals: [] }): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const requests = new Counter({
    name: 'hotreload_admission_requests_total',
    help: 'AdmissionReviews answered, by kind of object, outcome, and reason of a skip or failure.',
    labelNames: ['kind', 'outcome', 'reason'],
    registers,
  })
  const duration = new Histogram({
    name: 'hotreload_admission_duration_seconds',
    help: 'Time from the parsed AdmissionReview to the response, in seconds.',
    labelNames: ['kind'],
    buckets,
    registers,
  })
  const refusals = new Counter({
    name: 'hotreload_admission_refused_total',
    help: 'Requests refused, because they held no AdmissionReview or the server was overloaded, by error code.',
    labelNames: ['code'],
    registers,
  })
  const expiry = new Gauge({
    name: 'hotreload_certificate_expiry_timestamp_seconds',
    help: 'Expiry of the certificate in use, in seconds since 1970.',
    labelNames: ['certificate'],
    registers,
  })
  const policyValid = new Gauge({
    name: 'hotreload_policy_valid',
    help: 'Whether the policy file can be used: 0 while the last good one stays in its place. 1 without a policy file.',
    registers,
  })
  policyValid.set(1)
  for (const { kind, outcome, reason = '' } of known.answers) {
    requests.inc({ kind, outcome, reason }, 0)
    duration.zero({ kind })
  }
  for (const code of known.refusals) refusals.inc({ code }, 0)
  return {
    registry,
    answered({ kind, outcome, reason = '', seconds }) {
      const label = kinds.has(kind) ? kind : 'other'
      requests.inc({ kind: label, outcome, reason })
      duration.observe({ kind: label }, seconds)
    },
    refused: (code) => refusals.inc({ code }),
    certificate: (certificate, expires) => expiry.set({ certificate }, expires.getTime() / 1_000),
    policyFile: (isValid) => policyValid.set(isValid ? 1 : 0),
  }
}
