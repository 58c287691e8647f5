// Name servers: the same process serves the new record.
import { beforeAll, test } from 'vitest'
import { images } from '../support/kube.ts'
import { expectReload, start } from '../support/program.ts'
import { dnsmasqHosts, named, unbound } from '../support/programs/dns.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

let hook: Webhook
beforeAll(async () => {
  await images('named', 'unbound', 'dnsmasq', 'hotreload-agent')
  hook = await webhook()
})

test.each([
  { name: 'named loads a zone', program: named },
  { name: 'unbound loads local data', program: unbound },
  { name: "dnsmasq loads a hosts file by the user's signal", program: dnsmasqHosts },
])('$name', async ({ program }) => expectReload(program, await start(hook, program)))
