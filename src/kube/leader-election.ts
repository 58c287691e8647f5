/**
 * Leader election by a Lease, with the rules and times of client-go's leaderelection package, which operators know. A candidate takes a lease
 * over when it has not changed for its duration on the candidate's *own* clock (clocks of two machines are never compared). A leader that can't
 * renew within the deadline stops before that.
 */
import { type Api, type ApiCall, send } from '../api/api.ts'
import { asObject } from '../api/response-body.ts'
import { type Clock, systemClock } from '../async/clock.ts'

export interface LeaseOptions {
  name: string
  /** Unique to this process: the Pod's name. */
  identity: string
  clock?: Clock
  onTrouble?: (error: unknown) => void
}

export interface LeaderElection {
  /** Called before each write: a process that was suspended for a while may have lost the lease meanwhile. */
  leads(): boolean
  /** Gives the lease up, so that the next leader need not wait until it expires. */
  release(): Promise<void>
}

/** Milliseconds; the defaults of client-go and of Kubernetes' own components. */
const LEASE_DURATION = 15_000
export const RENEW_DEADLINE = 10_000
export const RETRY_PERIOD = 2_000

/** Leaves time for a second attempt before the deadline. */
const withinDeadline = { timeoutMilliseconds: RENEW_DEADLINE / 2, urgent: true }

interface LeaseSpec {
  holderIdentity?: string
  leaseDurationSeconds?: number
  acquireTime?: string
  renewTime?: string
  leaseTransitions?: number
}

interface Lease {
  metadata: LeaseMetadata
  spec: LeaseSpec
}

interface LeaseMetadata {
  resourceVersion?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  managedFields?: unknown
}

/**
 * Runs for leader until `release`, also after it lost the lease.
 * @param onChange receives each change
 */
export function runLeaderElection(
  api: Api,
  { name, identity, clock = systemClock, onTrouble }: LeaseOptions,
  onChange: (leads: boolean) => void,
): LeaderElection {
  const collection = `/apis/coordination.k8s.io/v1/namespaces/${api.namespace}/leases`
  const path = `${collection}/${name}`
  let observed = { text: '', at: 0 }
  let held: Lease | undefined
  let renewedAt = Number.NEGATIVE_INFINITY
  let leading = false
  let released = false
  let cancelTimer = () => {}
  let underWay: Promise<void> = Promise.resolve()

  const isRenewed = () => clock.now() - renewedAt < RENEW_DEADLINE
  const setLeading = (leads: boolean) => {
    if (leads === leading) return
    leading = leads
    onChange(leads)
  }

  async function read(): Promise<Lease | undefined> {
    const { status, body } = await send(api, { method: 'GET', path, ...withinDeadline }, 200, 404)
    return status === 404 ? undefined : leaseOf(body)
  }

  /** @returns undefined where another candidate wrote first */
  async function write(lease: Lease | undefined, spec: LeaseSpec): Promise<Lease | undefined> {
    const metadata = { name, namespace: api.namespace, ...lease?.metadata }
    const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec }
    const call: ApiCall = lease
      ? { method: 'PUT', path, body, ...withinDeadline }
      : { method: 'POST', path: collection, body, ...withinDeadline }
    const response = await send(api, call, lease ? 200 : 201, 409)
    return response.status === 409 ? undefined : leaseOf(response.body)
  }

  async function attempt(): Promise<void> {
    const startedAt = clock.now()
    // A lease that we hold is renewed without a read, as in client-go.
    const known = held
    const lease = known ?? (await read())
    const { holderIdentity: holder = '', acquireTime, leaseTransitions = 0 } = lease?.spec ?? {}
    const ours = holder === identity
    const text = JSON.stringify(lease?.spec ?? {})
    if (text !== observed.text) observed = { text, at: startedAt }
    // Another candidate holds it, whatever time our clock has left for us: the clock may have been set back.
    if (!ours) renewedAt = Number.NEGATIVE_INFINITY
    if (!ours && holder !== '' && startedAt - observed.at < durationOf(lease)) return
    const now = new Date(clock.wall()).toISOString().replace('Z', '000Z')
    const written = await write(lease, {
      holderIdentity: identity,
      leaseDurationSeconds: LEASE_DURATION / 1_000,
      acquireTime: ours && acquireTime ? acquireTime : now,
      renewTime: now,
      leaseTransitions: leaseTransitions + (ours || !lease ? 0 : 1),
    })
    held = written
    // Another candidate took it, or another program wrote its labels: only a read tells which.
    if (!written && known) return attempt()
    // Renewed too late: writes were skipped meanwhile, so leadership ends and starts anew, which reconciles everything.
    if (!isRenewed()) setLeading(false)
    // The time before the call: the server may have stored the lease long before it answered.
    renewedAt = held ? startedAt : Number.NEGATIVE_INFINITY
  }

  async function runAttempt(): Promise<void> {
    try {
      await attempt()
    } catch (error) {
      held = undefined
      onTrouble?.(error)
    }
    if (released) return
    setLeading(isRenewed())
    cancelTimer = clock.after(RETRY_PERIOD * (leading ? 1 : 1 + Math.random() * 0.2), schedule)
  }
  function schedule(): void {
    underWay = runAttempt()
  }

  schedule()
  return {
    leads: () => leading && isRenewed(),
    async release() {
      released = true
      cancelTimer()
      await underWay
      const lease = held
      setLeading(false)
      renewedAt = Number.NEGATIVE_INFINITY
      if (lease) await write(lease, { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 })
    },
  }
}

/** Milliseconds, as the holder declares. */
const durationOf = (lease: Lease | undefined): number =>
  (lease?.spec.leaseDurationSeconds ?? LEASE_DURATION / 1_000) * 1_000

/** A PUT replaces the object: it must bring back what kubectl, Helm and Argo CD have written in its metadata. */
function leaseOf(body: unknown): Lease {
  const { metadata: { managedFields: _, ...metadata } = {}, spec = {} } = asObject<Lease>(body)
  return { metadata, spec }
}
