/** Metrics, logs and traces. */
import type { V1Container } from '@kubernetes/client-node'
import { toolCheck } from './check.ts'
import { configDirectory, flag, hasFlag, isOpen, portOf, webAddress, wordsOf } from './arguments.ts'
import { byItself, byPost, byRollout, bySignal, elsewhere, type Preset } from './preset.ts'

/** The directories of what the flags name. */
const pathsIn = (container: V1Container, ...flags: string[]): string[] =>
  flags.flatMap((name) => flag(container, name) ?? []).map(configDirectory)

const isReloadingItself = (container: V1Container): boolean =>
  hasFlag(container, '--config.reload.automatic', '-r') ||
  (container.env ?? []).some(({ name, value }) => name === 'CONFIG_RELOAD_AUTOMATIC' && value === 'true')

export const observability = {
  prometheus: {
    names: ['prometheus'],
    reload: (container) =>
      hasFlag(container, '--web.enable-lifecycle') && isOpen(container)
        ? byPost(`${webAddress(container, 9090)}/-/reload`)
        : bySignal('SIGHUP', 'prometheus'),
    confirm: (container) =>
      isOpen(container)
        ? {
            metric: 'prometheus_config_last_reload_success_timestamp_seconds',
            url: `${webAddress(container, 9090)}/metrics`,
          }
        : undefined,
    doc: 'POST /-/reload with --web.enable-lifecycle, otherwise SIGHUP',
    source: 'prometheus.io/docs/prometheus/latest/configuration/configuration',
    validate: 'promtool check config /etc/prometheus/prometheus.yml',
    check: toolCheck(['promtool', 'check', 'config'], '/etc/prometheus/prometheus.yml'),
    proved: true,
  },
  alertmanager: {
    names: ['alertmanager'],
    reload: (container) =>
      isOpen(container)
        ? byPost(`${webAddress(container, 9093)}/-/reload`)
        : bySignal('SIGHUP', 'alertmanager'),
    doc: 'POST /-/reload; SIGHUP if --web.config.file guards it',
    source: 'prometheus.io/docs/alerting/latest/management_api',
    validate: 'amtool check-config /etc/alertmanager/alertmanager.yml',
    check: toolCheck(['amtool', 'check-config'], '/etc/alertmanager/alertmanager.yml'),
    proved: true,
  },
  'blackbox-exporter': {
    names: ['blackbox-exporter', 'blackbox_exporter'],
    reload: (container) =>
      isOpen(container)
        ? byPost(`${webAddress(container, 9115)}/-/reload`)
        : bySignal('SIGHUP', 'blackbox_export'),
    doc: 'POST /-/reload; SIGHUP if --web.config.file guards it. It does not apply a mistake',
    source: 'github.com/prometheus/blackbox_exporter, README',
    proved: true,
  },
  alloy: {
    names: ['alloy', 'grafana-alloy'],
    reload: (container) =>
      byPost(`http://127.0.0.1:${portOf(flag(container, '--server.http.listen-addr'), 12_345)}/-/reload`),
    paths: (container) => [
      {
        under: [
          configDirectory(wordsOf(container).find((_, at, all) => all[at - 1] === 'run') ?? '/etc/alloy/'),
        ],
        way: 'reload',
        because: 'it reads its configuration again',
      },
      elsewhere('rollout', 'a reload re-reads its configuration only'),
    ],
    doc: 'POST /-/reload; after a mistake it keeps its old configuration',
    source: 'grafana.com/docs/alloy/latest/reference/cli/run',
  },
  grafana: {
    names: ['grafana', 'grafana-oss', 'grafana-enterprise'],
    reload: byRollout,
    paths: [
      {
        under: ['/var/lib/grafana/dashboards/', '/grafana-dashboard-definitions/'],
        way: 'none',
        because: 'its file provider looks for changed dashboards each 10 s',
      },
    ],
    doc: 'reads grafana.ini, data sources and the list of providers only when it starts',
    source: 'grafana.com/docs/grafana/latest/administration/provisioning, dashboards: updateIntervalSeconds',
  },
  loki: {
    names: ['loki', 'grafana-loki'],
    reload: byRollout,
    paths: (container) => [
      {
        under: [
          '/etc/loki/runtime-config/',
          ...pathsIn(container, '-runtime-config.file', '--runtime-config.file'),
        ],
        way: 'none',
        because: 'it reads its runtime configuration each 10 s',
      },
    ],
    doc: 'reads everything but its runtime configuration only when it starts',
    source:
      'grafana.com/docs/loki/latest/configure, runtime configuration file; grafana/dskit, runtimeconfig/manager.go',
  },
  tempo: {
    names: ['tempo', 'grafana-tempo'],
    reload: byRollout,
    paths: [
      {
        under: ['/runtime-config/', '/bitnami/grafana-tempo/conf/overrides.yaml'],
        way: 'none',
        because: 'it reads its per-tenant overrides each 10 s',
      },
    ],
    doc: 'reads everything but its per-tenant overrides only when it starts',
    source:
      'grafana.com/docs/tempo/latest/configuration, per_tenant_override_config; grafana/dskit, runtimeconfig/manager.go',
  },
  'opentelemetry-collector': {
    names: [
      'opentelemetry-collector',
      'opentelemetry-collector-contrib',
      'opentelemetry-collector-k8s',
      'otelcol',
      'otelcol-contrib',
      'otelcol-k8s',
    ],
    reload: bySignal('SIGHUP', 'otelcol', 'otelcol-contrib', 'otelcol-k8s'),
    doc: 'SIGHUP restarts all pipelines in the same process. A mistake in the configuration ends it: validate',
    source: 'github.com/open-telemetry/opentelemetry-collector, otelcol/collector.go',
    validate: 'otelcol validate --config=/etc/otelcol/config.yaml',
    proved: 'at releases',
  },
  telegraf: {
    names: ['telegraf'],
    reload: (container) =>
      flag(container, '--watch-config') === undefined ? bySignal('SIGHUP', 'telegraf') : byRollout,
    paths: (container) => [
      {
        under:
          flag(container, '--watch-config') === undefined
            ? []
            : ['/etc/telegraf/', ...pathsIn(container, '--config', '--config-directory')],
        way: 'none',
        because: 'it watches its configuration',
      },
    ],
    doc: 'SIGHUP restarts all plugins in the same process; with --watch-config it watches its configuration, and reads all else when it starts only. A mistake in the configuration ends it',
    source: 'github.com/influxdata/telegraf, cmd/telegraf/telegraf.go',
    proved: 'at releases',
  },
  vector: {
    names: ['vector'],
    reload: (container) =>
      hasFlag(container, '--watch-config', '-w') ? byItself : bySignal('SIGHUP', 'vector'),
    paths: (container) => [
      {
        under: ['/etc/vector/', ...pathsIn(container, '--config', '-c', '--config-dir', '-C')],
        way: 'reload',
        because: 'it reads its configuration again',
      },
      elsewhere('rollout', 'a reload keeps the components whose configuration is the same'),
    ],
    doc: 'SIGHUP; with --watch-config it watches its files',
    source: 'vector.dev/docs/administration/management',
    validate: 'vector validate --no-environment /etc/vector/vector.yaml',
  },
  fluentd: {
    names: ['fluentd', 'fluentd-kubernetes-daemonset'],
    reload: bySignal('SIGUSR2', 'fluentd', 'ruby'),
    doc: 'SIGUSR2 to the supervisor (1.9 and later) restarts the pipeline; SIGHUP restarts its workers',
    source: 'docs.fluentd.org/deployment/signals',
    validate: 'fluentd --dry-run --config /fluentd/etc/fluent.conf',
  },
  'fluent-bit': {
    names: ['fluent-bit'],
    reload: (container) =>
      hasFlag(container, '-Y', '--enable-hot-reload')
        ? byPost('http://127.0.0.1:2020/api/v2/reload')
        : byRollout,
    doc: 'POST /api/v2/reload with --enable-hot-reload, otherwise a rollout: a SIGHUP during a reload is lost',
    source: 'docs.fluentbit.io/manual/administration/hot-reload',
    validate: 'fluent-bit --dry-run --config /fluent-bit/etc/fluent-bit.conf',
  },
  logstash: {
    names: ['logstash'],
    reload: byRollout,
    paths: (container) => [
      {
        under: isReloadingItself(container) ? ['/usr/share/logstash/pipeline/'] : [],
        way: 'none',
        because: 'it watches its pipelines (config.reload.automatic)',
      },
    ],
    doc: 'watches its pipelines with --config.reload.automatic or CONFIG_RELOAD_AUTOMATIC; all else is read when it starts only. SIGHUP would end a JVM that has not yet asked for it',
    source: 'elastic.co/docs/reference/logstash/reloading-config',
  },
  beats: {
    names: ['filebeat', 'metricbeat', 'heartbeat'],
    reload: byRollout,
    doc: 'reads its main file when it starts only; it watches the files of external inputs and modules with reload.enabled',
    source: 'elastic.co/docs/reference/beats/filebeat/_live_reloading',
  },
  kibana: {
    names: ['kibana'],
    reload: byRollout,
    doc: 'reads its files when it starts',
    source: 'elastic.co/docs/reference/kibana/configuration-reference/general-settings',
  },
  rsyslog: {
    names: ['rsyslog', 'rsyslogd'],
    reload: byRollout,
    doc: 'SIGHUP reopens logs only',
    source: 'rsyslogd(8)',
    proved: true,
  },
} as const satisfies Record<string, Preset>
