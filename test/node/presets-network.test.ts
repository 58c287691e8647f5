// A network daemon, observed by an address on an interface of its Pod.
import { beforeAll, test } from 'vitest'
import { images } from '../support/kube.ts'
import { expectReload, type Program, start } from '../support/program.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

let hook: Webhook
beforeAll(async () => {
  await images('keepalived', 'hotreload-agent')
  hook = await webhook()
})

const addresses: Record<string, string> = { one: '10.9.0.1', two: '10.9.0.2' }

/** Without another router it takes the virtual address. */
const keepalived: Program = {
  image: 'keepalived',
  mountPath: '/etc/keepalived',
  container: { securityContext: { capabilities: { add: ['NET_ADMIN', 'NET_RAW'] } } },
  data: (value) => ({
    'keepalived.conf': `
vrrp_instance web {
  state MASTER
  interface eth0
  virtual_router_id 51
  virtual_ipaddress {
    ${addresses[value]}/32
  }
}
`,
  }),
  observe: async ({ exec }) => {
    const shown = await exec('ip', '-oneline', '-4', 'address', 'show', 'dev', 'eth0')
    return Object.keys(addresses).find((value) => shown.includes(`${addresses[value]}/32`))
  },
}

test('keepalived loads its virtual address', async () =>
  expectReload(keepalived, await start(hook, keepalived)))
