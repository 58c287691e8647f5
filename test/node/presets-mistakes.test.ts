// A reload with a mistake in the configuration ends these programs (docs/programs.md), and `validate` prevents that.
import type { V1Pod } from '@kubernetes/client-node'
import { beforeAll, expect, test } from 'vitest'
import { images, until } from '../support/kube.ts'
import { type Program, says, start } from '../support/program.ts'
import { unbound } from '../support/programs/dns.ts'
import { apache2, gunicorn, phpFpm, squid } from '../support/programs/http.ts'
import { agentStatus, edit, expectUntouched } from '../support/reload.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

let hook: Webhook
beforeAll(async () => {
  await images('apache2', 'squid', 'php-fpm', 'gunicorn', 'unbound', 'hotreload-agent')
  hook = await webhook()
})

interface Case {
  program: Program
  validate: string
  broken: Readonly<Record<string, string>>
}

const cases: Case[] = [
  { program: apache2, validate: 'apache2 -t', broken: { 'site.conf': 'NoSuchDirective on\n' } },
  {
    program: phpFpm,
    validate: 'php-fpm8.2 --test --fpm-config /etc/fpm/php-fpm.conf',
    broken: { 'php-fpm.conf': '[www]\nno_such_option = 1\n' },
  },
  {
    program: unbound,
    validate: 'unbound-checkconf /etc/unbound/unbound.conf',
    broken: { 'unbound.conf': 'server:\n  no-such-option: 1\n' },
  },
  {
    program: squid,
    validate: 'squid -k parse -f /etc/squid/squid.conf',
    broken: { 'squid.conf': 'http_port nowhere\n' },
  },
  {
    program: gunicorn,
    // --check-config ignores the pythonpath of the file.
    validate:
      'env PYTHONPATH=/etc/gunicorn gunicorn --check-config --config /etc/gunicorn/gunicorn.conf.py app',
    broken: { ...gunicorn.data('two'), 'gunicorn.conf.py': 'bind = (\n' },
  },
]

test.each(cases)(
  '$program.image with validate keeps its configuration, and loads the next valid one',
  async (one) => {
    const options = { annotations: { 'hotreload.dev/validate': one.validate } }
    const program = { ...one.program, options }
    const running = await start(hook, program)
    const { ns, pod } = running
    const counters = async () => (await agentStatus(ns, pod)).counters
    await edit(ns, 'config', one.broken, [pod])
    await until('the validation fails', async () => (await counters()).validationsFailed === 1)
    await says(program, running, 'one')
    expect(await counters()).toMatchObject({ signals: 0, reloaded: 0, sent: 0 })
    await edit(ns, 'config', program.data('two'), [pod])
    await says(program, running, 'two')
    await expectUntouched(ns, pod)
  },
)

test.each(cases)('$program.image without validate ends by the mistake', async ({ program, broken }) => {
  const running = await start(hook, program)
  const { ns, pod } = running
  await edit(ns, 'config', broken, [pod])
  await until('the kubelet has restarted the container', async () => {
    const { status } = await ns.get<V1Pod>('pod', pod.metadata?.name ?? '')
    return (status?.containerStatuses ?? []).some(({ restartCount }) => restartCount > 0)
  })
  expect((await agentStatus(ns, pod)).counters.signals).toBe(1)
})
