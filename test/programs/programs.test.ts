// `make test-programs`: programs that take minutes to build. The same process has the new value.
import { beforeAll, test } from 'vitest'
import { images } from '../support/kube.ts'
import { expectReload, type Program, start } from '../support/program.ts'
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

let hook: Webhook
beforeAll(async () => {
  await images('coredns', 'otelcol', 'hotreload-agent')
  hook = await webhook()
})

test.each([coredns, collector])('$image reloads', async (program) =>
  expectReload(program, await start(hook, program)),
)
