/** Metrics, logs and traces. */
import { flag, hasFlag, isOpen, portOf, webAddress } from './arguments.ts'
import { byItself, byPost, byRollout, bySignal, type Preset } from './preset.ts'

export const observability = {
  prometheus: {
    names: ['prometheus'],
    reload: (container) =>
      hasFlag(container, '--web.enable-lifecycle') && isOpen(container)
        ? byPost(`${webAddress(container, 9090)}/-/reload`)
        : bySignal('SIGHUP', 'prometheus'),
    doc: 'POST /-/reload with --web.enable-lifecycle, otherwise SIGHUP',
    source: 'prometheus.io/docs/prometheus/latest/configuration/configuration',
    validate: 'promtool check config /etc/prometheus/prometheus.yml',
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
    names: ['alloy'],
    reload: (container) =>
      byPost(`http://127.0.0.1:${portOf(flag(container, '--server.http.listen-addr'), 12_345)}/-/reload`),
    doc: 'POST /-/reload; after a mistake it keeps its old configuration',
    source: 'grafana.com/docs/alloy/latest/reference/cli/run',
  },
  grafana: {
    names: ['grafana', 'grafana-oss', 'grafana-enterprise'],
    reload: byRollout,
    doc: 'reads grafana.ini only when it starts',
    source: 'grafana.com/docs/grafana/latest/setup-grafana/configure-grafana',
  },
  loki: {
    names: ['loki'],
    reload: byRollout,
    doc: 'watches its runtime_config file, and reads everything else only when it starts',
    source: 'grafana.com/docs/loki/latest/configure, runtime configuration file',
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
  },
  telegraf: {
    names: ['telegraf'],
    reload: (container) =>
      flag(container, '--watch-config') === undefined ? bySignal('SIGHUP', 'telegraf') : byItself,
    doc: 'SIGHUP restarts all plugins in the same process; with --watch-config it watches its files. A mistake in the configuration ends it',
    source: 'github.com/influxdata/telegraf, cmd/telegraf/telegraf.go',
  },
  vector: {
    names: ['vector'],
    reload: (container) =>
      hasFlag(container, '--watch-config', '-w') ? byItself : bySignal('SIGHUP', 'vector'),
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
  rsyslog: {
    names: ['rsyslog', 'rsyslogd'],
    reload: byRollout,
    doc: 'SIGHUP reopens logs only',
    source: 'rsyslogd(8)',
    proved: true,
  },
} as const satisfies Record<string, Preset>
