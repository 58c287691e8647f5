/**
 * Leader election by a Lease, with the rules and times of client-go's leaderelection package, so that others can reason about it: a lease
 * is taken over when it has not changed for its duration on *our* clock (clocks of machines are never compared), a leader that could not
 * renew for the deadline stops first.
 */
import { type Api, type ApiCall, send } from '../api/api.ts'
import { type Clock, systemClock } from '../async/clock.ts'

export interface LeaseOptions {
  name: string
  /** Unique to this process: the Pod's name. */
  identity: string
  clock?: Clock
  onTrouble?: (error: unknown) => void
}

export interface Leadership {
  /** Asked before each write: a process that stood still for a while must not go on as if nothing had been. */
  leads(): boolean
  /** Gives the lease back, so that the next one need not wait for it to run out. */
  release(): Promise<void>
}

/** Milliseconds; the defaults of client-go and of Kubernetes' own components. */
export const LEASE_DURATION = 15_000
export const RENEW_DEADLINE = 10_000
export const RETRY_PERIOD = 2_000

/** So that there is time for a second try. */
const inTime = { timeoutMilliseconds: RENEW_DEADLINE / 2, urgent: true }

interface LeaseSpec {
  holderIdentity?: string
  leaseDurationSeconds?: number
  acquireTime?: string
  renewTime?: string
  leaseTransitions?: number
}

interface Lease {
  metadata: { resourceVersion?: string }
  spec: LeaseSpec
}

/** Tries until it leads, and again after it lost. `onChange` is told each time. */
export function runLeaderElection(
  api: Api,
  { name, identity, clock = systemClock, onTrouble }: LeaseOptions,
  onChange: (leads: boolean) => void,
): Leadership {
  const collection = `/apis/coordination.k8s.io/v1/namespaces/${api.namespace}/leases`
  const path = `${collection}/${name}`
  let observed = { text: '', at: 0 }
  let held: Lease | undefined
  let renewedAt = Number.NEGATIVE_INFINITY
  let leading = false
  let released = false
  let cancelTimer = () => {}
  let underWay: Promise<void> = Promise.resolve()

  const timely = () => clock.now() - renewedAt < RENEW_DEADLINE
  const tell = (leads: boolean) => {
    if (leads === leading) return
    leading = leads
    onChange(leads)
  }

  async function read(): Promise<Lease | undefined> {
    const { status, body } = await send(api, { method: 'GET', path, ...inTime }, 200, 404)
    return status === 404 ? undefined : leaseOf(body)
  }

  /** Undefined where another was faster. */
  async function write(lease: Lease | undefined, spec: LeaseSpec): Promise<Lease | undefined> {
    const metadata = { name, namespace: api.namespace, ...lease?.metadata }
    const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec }
    const call: ApiCall = lease
      ? { method: 'PUT', path, body, ...inTime }
      : { method: 'POST', path: collection, body, ...inTime }
    const response = await send(api, call, lease ? 200 : 201, 409)
    return response.status === 409 ? undefined : leaseOf(response.body)
  }

  async function attempt(): Promise<void> {
    const began = clock.now()
    // What we hold is renewed without asking, as client-go does; a 409 tells that it was taken.
    const lease = held ?? (await read())
    const { holderIdentity: holder = '', acquireTime, leaseTransitions = 0 } = lease?.spec ?? {}
    const ours = holder === identity
    const text = JSON.stringify(lease?.spec ?? {})
    if (text !== observed.text) observed = { text, at: began }
    // Somebody else's, whatever our clock says of the time that we have left: it may have been set back.
    if (!ours) renewedAt = Number.NEGATIVE_INFINITY
    if (!ours && holder !== '' && began - observed.at < durationOf(lease)) return
    const now = new Date(clock.now()).toISOString().replace('Z', '000Z')
    held = await write(lease, {
      holderIdentity: identity,
      leaseDurationSeconds: LEASE_DURATION / 1_000,
      acquireTime: ours && acquireTime ? acquireTime : now,
      renewTime: now,
      leaseTransitions: leaseTransitions + (ours || !lease ? 0 : 1),
    })
    // What was to be done while we were late was left undone, so that all of it is looked at again.
    if (!timely()) tell(false)
    // From before the call: the lease may be older than its answer.
    renewedAt = held ? began : Number.NEGATIVE_INFINITY
  }

  async function turn(): Promise<void> {
    try {
      await attempt()
    } catch (error) {
      held = undefined
      onTrouble?.(error)
    }
    if (released) return
    tell(timely())
    cancelTimer = clock.after(RETRY_PERIOD * (leading ? 1 : 1 + Math.random() * 0.2), start)
  }
  function start(): void {
    underWay = turn()
  }

  start()
  return {
    leads: () => leading && timely(),
    async release() {
      released = true
      cancelTimer()
      await underWay
      const lease = held
      tell(false)
      renewedAt = Number.NEGATIVE_INFINITY
      if (lease) await write(lease, { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1 })
    },
  }
}

/** The holder's own word on how long its lease lasts. */
const durationOf = (lease: Lease | undefined): number =>
  (lease?.spec.leaseDurationSeconds ?? LEASE_DURATION / 1_000) * 1_000

function leaseOf(body: unknown): Lease {
  const { metadata, spec } = body as Partial<Lease>
  const resourceVersion = metadata?.resourceVersion
  return { metadata: resourceVersion === undefined ? {} : { resourceVersion }, spec: spec ?? {} }
}
