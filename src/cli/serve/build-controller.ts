/** The controller with its cluster, log, metrics and alerts. Loaded only where there is a cluster. */
import { hostname } from 'node:os'
import { createAlerts } from '../../alerts/all-sinks.ts'
import { systemClock } from '../../async/clock.ts'
import { Reconciler } from '../../controller/reconciler.ts'
import { createEventWriter } from '../../controller/report/event-writer.ts'
import { eventReasons, type Report } from '../../controller/report/report.ts'
import { readSetAside } from '../../controller/set-aside/store.ts'
import { describeError } from '../../errors.ts'
import { watchCollection } from '../../kube/informer.ts'
import { runLeaderElection } from '../../kube/leader-election.ts'
import { createControllerMetrics } from '../../telemetry/controller-metrics.ts'
import { keepCertificate } from '../../tls/keeper.ts'
import { askAgent } from './agent-client.ts'
import type { Cluster } from './build-cluster.ts'
import type { ControllerSettings } from './controller-flags.ts'
import type { Part, ServeContext } from './part.ts'
import { controllerLabels } from './report/metric-labels.ts'
import { createPolicyEvent } from './report/policy-event.ts'
import { createProblemLog } from './report/problem-log.ts'

/** The Lease in our own namespace. */
const LEASE = 'hotreload-controller'

export function buildController(
  { log, metrics: { registry }, defaults }: Pick<ServeContext, 'log' | 'metrics' | 'defaults'>,
  { client, installKey, authority }: Pick<Cluster, 'client' | 'installKey' | 'authority'>,
  settings: ControllerSettings,
): Part {
  const { alertSinks, issueCertificates, ...controllerSettings } = settings
  const metrics = createControllerMetrics(registry, controllerLabels)
  // In a Pod the host's name is the Pod's; the rest makes the name unique on one machine.
  const identity = `${hostname()}-${crypto.randomUUID().slice(0, 8)}`
  const events = createEventWriter({
    api: client,
    clock: systemClock,
    identity,
    onError: () => metrics.event('failed'),
  })
  const alerts = createAlerts({
    clock: systemClock,
    sinks: () => [...alertSinks, ...defaults().alertSinks],
    onOutcome: (outcome) => metrics.alert(outcome),
  })
  /** Begun when this replica is elected, not when its cache is complete: the webhook waits for it. */
  const keepIssuing = () => {
    if (authority === undefined || !issueCertificates) return () => undefined
    return keepCertificate({
      source: authority,
      use: ({ expires }) => log.info({ expires }, 'certificate stored for the webhook'),
      ...createProblemLog(log, 'certificate not issued; trying again'),
    })
  }
  let stopIssuing = (): void => undefined
  const report: Report = {
    event(about, type, reason, message) {
      metrics.event('written')
      const { kind = '', namespace, name } = about
      // An alert for each rollout is enough: its end, or that it is stalled.
      if (events.write(about, type, reason, message) && reason !== eventReasons.rolloutStarted)
        alerts.send({ reason, kind, namespace, name, message })
    },
    rollout: (outcome, kind) => metrics.rollout(outcome, kind),
    waiting: (key, reason) => metrics.waiting(key, reason),
    unreadable: (why) => metrics.unreadable(why),
    nudge: (outcome, pods) => metrics.nudge(outcome, pods),
    uninjected: (key, pods) => metrics.uninjected(key, pods),
    agentProblem: (state) => metrics.agentProblem(state),
    objectsSetAside: (count) => metrics.objectsSetAside(count),
    leads(leads) {
      metrics.leads(leads)
      stopIssuing()
      stopIssuing = leads ? keepIssuing() : () => undefined
      policyEvent.leads(leads)
      log.info({ identity }, leads ? 'leading' : 'not leading')
    },
    sizes: (workloads, sources) => metrics.sizes(workloads, sources),
    log: (level, message, fields = {}) => log[level](fields, message),
  }
  const policyEvent = createPolicyEvent(client, report)
  const reconciler = new Reconciler({
    api: client,
    clock: systemClock,
    report,
    defaults,
    installKey,
    ...controllerSettings,
    askAgent,
    watchCollection: (collection, listener) =>
      watchCollection(client, collection, listener, {
        onTrouble: (message, fields) => log.debug(fields, message),
      }),
    elect: (onChange) =>
      runLeaderElection(
        client,
        {
          name: LEASE,
          identity,
          onTrouble: (error) => log.warn(describeError(error), 'lease not renewed; trying again'),
        },
        onChange,
      ),
  })
  let stopped: Promise<void> | undefined
  const stop = () =>
    (stopped ??= reconciler
      .stop()
      .catch((error: unknown) => log.warn(describeError(error), 'lease not given back')))
  return {
    async start() {
      const setAside = await readSetAside(client).catch((error: unknown) => {
        log.warn(describeError(error), 'objects that are set aside not read')
        return []
      })
      if (stopped === undefined) reconciler.start(setAside)
      return undefined
    },
    notReady: () => reconciler.notReady(),
    notAlive: () => reconciler.notAlive(),
    policyChanged(problem) {
      policyEvent.changed(problem)
      if (problem === undefined) reconciler.defaultsChanged()
    },
    release: stop,
    close() {
      alerts.stop()
      return stop()
    },
  }
}
