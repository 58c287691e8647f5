/** The controller, joined with its cluster, log and metrics. Loaded only where there is a cluster. */
import { hostname } from 'node:os'
import { alertsToAll } from '../../alerts/all-sinks.ts'
import { postJson } from '../../alerts/post.ts'
import { createAlertSender } from '../../alerts/sender.ts'
import { parseTemplate } from '../../alerts/sink.ts'
import { systemClock } from '../../async/clock.ts'
import { Reconciler } from '../../controller/reconciler.ts'
import { createEventWriter } from '../../controller/report/event-writer.ts'
import type { Report } from '../../controller/report/report.ts'
import { describeError } from '../../errors.ts'
import type { KubeClient } from '../../kube/client.ts'
import { watchCollection } from '../../kube/informer.ts'
import { runLeaderElection } from '../../kube/leader-election.ts'
import type { Defaults } from '../../policy/defaults.ts'
import { createControllerMetrics } from '../../telemetry/controller-metrics.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Metrics } from '../../telemetry/metrics.ts'
import type { InstallKey } from '../../workload/checksum.ts'
import { askAgent } from './agent-client.ts'
import type { ControllerSettings } from './controller-flags.ts'

export interface ControllerPartOptions extends ControllerSettings {
  client: KubeClient
  log: Log
  metrics: Metrics
  defaults: () => Defaults
  installKey: () => InstallKey | undefined
}

/** The Lease in our own namespace. */
const LEASE = 'hotreload-controller'

export function startControllerPart(options: ControllerPartOptions): Reconciler {
  const { client, log, installKey, defaults, compat, limits, evictUninjected } = options
  const metrics = createControllerMetrics(options.metrics.registry)
  // In a Pod the host's name is the Pod's; two processes on one machine differ by the rest.
  const identity = `${hostname()}-${crypto.randomUUID().slice(0, 8)}`
  const events = createEventWriter({
    api: client,
    clock: systemClock,
    identity,
    onError: () => metrics.event('failed'),
  })
  const alerts = alertsToAll(
    () => [...options.alertSinks, ...defaults().alertSinks],
    ({ url, template }) =>
      createAlertSender({
        clock: systemClock,
        render: parseTemplate(template),
        post: (body) => postJson(url, body),
        onOutcome: (outcome) => metrics.alert(outcome),
      }),
  )
  const report: Report = {
    event(about, type, reason, message) {
      metrics.event('written')
      const { kind = '', namespace, name } = about
      if (events.write(about, type, reason, message)) alerts.send({ reason, kind, namespace, name, message })
    },
    rollout: (outcome, kind) => metrics.rollout(outcome, kind),
    waiting: (key, reason) => metrics.waiting(key, reason),
    unreadable: (why) => metrics.unreadable(why),
    nudge: (outcome, pods) => metrics.nudge(outcome, pods),
    uninjected: (key, pods) => metrics.uninjected(key, pods),
    agentProblem: (state) => metrics.agentProblem(state),
    leads(leads) {
      metrics.leads(leads)
      log.info({ identity }, leads ? 'leading' : 'not leading')
    },
    sizes: (workloads, sources) => metrics.sizes(workloads, sources),
    log: (level, message, fields = {}) => log[level](fields, message),
  }
  const reconciler = new Reconciler({
    api: client,
    clock: systemClock,
    report,
    defaults,
    installKey,
    compat,
    limits,
    evictUninjected,
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
  reconciler.start()
  return reconciler
}
