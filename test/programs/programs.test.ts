// `make test-programs`: programs that take minutes to build. The same process has the new value.
import { beforeAll, expect, test } from 'vitest'
import { images } from '../support/kube.ts'
import { expectInEffect, expectReload, type Program, start } from '../support/program.ts'
import { text } from '../support/programs/dns.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

const coredns: Program = {
  image: 'coredns',
  mountPath: '/etc/coredns',
  data: (value) => ({
    // The value is in an imported file, and there is no reload plugin.
    Corefile: 'import web\n',
    web: `.:5353 {\n  template IN TXT web.test {\n    answer "web.test. 1 IN TXT ${value}"\n  }\n}\n`,
  }),
  observe: text,
}

const collector: Program = {
  image: 'otelcol',
  mountPath: '/etc/otelcol',
  data: (value) => ({
    'config.yaml': `
receivers: { otlp: { protocols: { grpc: { endpoint: 127.0.0.1:4317 } } } }
exporters: { debug: {} }
service:
  telemetry:
    resource: { value: ${value} }
    metrics: { readers: [{ pull: { exporter: { prometheus: { host: 0.0.0.0, port: 8080 } } } }] }
  pipelines: { traces: { receivers: [otlp], exporters: [debug] } }
`,
  }),
  observe: async ({ ns, pod }) =>
    /^target_info\{.*value="(\w+)"/m.exec((await ns.fetch(pod, '/metrics', 8080)).body)?.[1],
}

const telegraf: Program = {
  image: 'telegraf',
  mountPath: '/etc/telegraf',
  data: (value) => ({
    'telegraf.conf': `
[global_tags]
  value = "${value}"
[agent]
  interval = "1s"
  flush_interval = "1s"
[[inputs.mem]]
[[outputs.prometheus_client]]
  listen = ":8080"
`,
  }),
  observe: async ({ ns, pod }) => /value="(\w+)"/.exec((await ns.fetch(pod, '/metrics', 8080)).body)?.[1],
}

let hook: Webhook
beforeAll(async () => {
  await images('coredns', 'otelcol', 'telegraf', 'hotreload-agent')
  hook = await webhook()
})

test.each([coredns, collector, telegraf])('$image reloads', async (program) =>
  expectReload(program, await start(hook, program)),
)

test.each(['inotify', 'poll'])('telegraf with --watch-config=%s reloads without an agent', async (way) => {
  const command = ['telegraf', '--config', '/etc/telegraf/telegraf.conf', `--watch-config=${way}`]
  const program = { ...telegraf, container: { command } }
  const running = await start(hook, program)
  expect(running.pod.spec?.initContainers ?? []).toEqual([])
  await expectInEffect(program, running)
})
