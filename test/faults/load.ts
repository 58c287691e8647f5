// The load beside each fault, and its ledger: Pods are created and ConfigMaps edited without pause, and what became of each is counted.
import type { V1Pod } from '@kubernetes/client-node'
import type { KubeClient } from '../../src/kube/client.ts'
import { pause } from '../cluster/run.ts'
import { type Namespace, until } from '../support/kube.ts'
import { configMap } from '../support/reload.ts'
import { type Admissions, createPods, hasAgent } from './admissions.ts'
import type { Subject } from './subjects.ts'

export interface Ledger extends Admissions {
  edits: number
  /** Contents that never took effect, or that one program did not count. */
  missed: number
  /** Contents that took effect more than once. */
  doubled: number
  /** Pods that can't get any content: their agents said so. */
  cutOff: number
  /** Seconds from an edit to its effect, at most. */
  slowest: number
}

export interface Round {
  /** The counts so far. */
  soFar: () => Admissions
  /** Waits until there is one more edit, and Pods of everyone who creates them. */
  goesOn: () => Promise<unknown>
  /**
   * Ends the load, waits until every edit has taken effect, and counts. A second effect that comes later counts in the next round.
   * `afterLast` runs before the counting.
   */
  end: (afterLast?: () => Promise<void>) => Promise<Ledger>
}

export interface LoadOptions {
  client: KubeClient
  /** Where Pods are created, and nothing is stored. */
  creates: readonly string[]
  /** The created Pod. */
  pod: object
  /** Where the subjects are. */
  ns: Namespace
  subjects: readonly Subject[]
}

/** Milliseconds until an edit counts as missed: the kubelet comes by itself within 90 s, and after an outage later. */
const MISSED_AFTER = 240_000
const BETWEEN_EDITS = 500
/** Ten of each who creates them. */
const PODS = 40

/** Stores the subjects; returns what begins a round of load. */
export async function prepareLoad(options: LoadOptions): Promise<() => Round> {
  const { ns, subjects } = options
  await ns.apply(subjects.flatMap(({ name, manifest }) => [configMap(name, { config: '0' }), manifest]))
  /** What each subject's programs have counted so far. */
  const counted = new Map<Subject, number[]>()
  /** Its number of edits: the content is the number. */
  const edits = new Map<Subject, number>()
  for (const subject of subjects) {
    await until(`${subject.name} has started`, () => startsAtZero(subject), MISSED_AFTER)
    counted.set(subject, await subject.counts())
    edits.set(subject, 0)
  }
  const seen = new Set<string>()
  return () => begin(options, { counted, edits, seen })
}

async function startsAtZero(subject: Subject): Promise<boolean> {
  return (await subject.shows('0')) && (await subject.counts()).every((count) => count === 0)
}

interface Memory {
  counted: Map<Subject, number[]>
  edits: Map<Subject, number>
  /** Uids of Pods. */
  seen: Set<string>
}

function begin(options: LoadOptions, { counted, edits, seen }: Memory): Round {
  const { client, creates, pod, ns, subjects } = options
  const before = new Map(edits)
  const stop = new AbortController()
  const admissions = createPods(client, creates, pod, stop.signal)
  const ledger = { edits: 0, missed: 0, doubled: 0, cutOff: 0, slowest: 0 }

  /** One edit after the other: contents that come faster than they take effect would become one. */
  async function editWithoutPause(subject: Subject): Promise<void> {
    while (!stop.signal.aborted) {
      const content = (edits.get(subject) ?? 0) + 1
      edits.set(subject, content)
      await write(client, ns, subject.name, `${content}`)
      const from = Date.now()
      ledger.edits += 1
      try {
        await until(
          `${subject.name} shows ${content}`,
          async () => (await subject.shows(`${content}`)) || (await subject.isCutOff?.()),
          MISSED_AFTER,
        )
        ledger.slowest = Math.max(ledger.slowest, Math.round((Date.now() - from) / 1000))
      } catch (error) {
        console.error(error)
        ledger.missed += 1
      }
      await pause(BETWEEN_EDITS)
    }
  }
  const editing = Promise.all(subjects.map((subject) => editWithoutPause(subject)))

  async function compare(subject: Subject): Promise<void> {
    const was = counted.get(subject) ?? []
    const expected = (edits.get(subject) ?? 0) - (before.get(subject) ?? 0)
    let is = was
    // An agent counts a reload after its effect.
    await until(`${subject.name} counts ${expected} more`, async () => {
      is = await subject.counts()
      return is.every((count, index) => count >= (was[index] ?? 0) + expected)
    }).catch(console.error)
    counted.set(subject, is)
    const surplus = is.map((count, index) => count - (was[index] ?? 0) - expected)
    if (surplus.some((one) => one !== 0))
      console.error(`${subject.name}: ${expected} edits, counted ${is.join()} after ${was.join()}`)
    ledger.doubled += Math.max(0, ...surplus)
    ledger.missed += Math.max(0, ...surplus.map((one) => -one))
  }

  async function replace(subject: Subject): Promise<void> {
    ledger.cutOff += 1
    await ns.kubectl(['delete', 'pod', `--selector=app=${subject.name}`])
    const content = `${edits.get(subject)}`
    await until(`${subject.name} shows ${content} again`, () => subject.shows(content), MISSED_AFTER)
    counted.set(subject, await subject.counts())
  }

  async function end(afterLast?: () => Promise<void>): Promise<Ledger> {
    stop.abort()
    await Promise.all([admissions.done, editing])
    await afterLast?.()
    for (const subject of subjects)
      if (await subject.isCutOff?.()) await replace(subject)
      else await compare(subject)
    const pods = await ns.list<V1Pod>('pods')
    const added = pods.filter(({ metadata }) => !seen.has(metadata?.uid ?? ''))
    for (const { metadata } of added) seen.add(metadata?.uid ?? '')
    const uninjected = admissions.counts.uninjected + added.filter((one) => !hasAgent(one)).length
    return { ...admissions.counts, uninjected, ...ledger }
  }
  let ended: Promise<Ledger> | undefined

  return {
    soFar: () => ({ ...admissions.counts }),
    goesOn() {
      const [pods, changes] = [admissions.counts.admitted + PODS, ledger.edits + 1]
      const hasMore = () => admissions.counts.admitted >= pods && ledger.edits >= changes
      return until('the load goes on', hasMore, MISSED_AFTER)
    },
    end: (afterLast) => (ended ??= end(afterLast)),
  }
}

/** Writes until the API server has answered. A second write of the same content changes nothing. */
async function write(client: KubeClient, ns: Namespace, name: string, content: string): Promise<void> {
  const path = `/api/v1/namespaces/${ns.name}/configmaps/${name}`
  const contentType = 'application/merge-patch+json'
  const call = { method: 'PATCH', path, contentType, body: { data: { config: content } } } as const
  await until(
    `ConfigMap ${name} is written`,
    async () => (await client.call(call)).status === 200,
    MISSED_AFTER,
  )
}
