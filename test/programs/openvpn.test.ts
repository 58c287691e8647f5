// `make test-programs`: a tunnel needs a device that not every machine has.
import { beforeAll, expect, test } from 'vitest'
import { images, until } from '../support/kube.ts'
import { type Program, says, start } from '../support/program.ts'
import { edit } from '../support/reload.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

let hook: Webhook
beforeAll(async () => {
  await images('openvpn')
  hook = await webhook()
})

const ports: Record<string, number> = { one: 1194, two: 1195 }

/** It opens its tunnel as root, and then runs as another user. */
const openvpn: Program = {
  image: 'openvpn',
  mountPath: '/etc/openvpn',
  container: { securityContext: { privileged: true } },
  data: (value) => ({
    'server.conf': `dev tun\nifconfig 10.9.1.1 10.9.1.2\nport ${ports[value]}\nuser nobody\n`,
  }),
  observe: async ({ exec }) => {
    const sockets = await exec('cat', '/proc/net/udp')
    return Object.keys(ports).find((value) =>
      sockets.includes(`:0${ports[value]?.toString(16)} `.toUpperCase()),
    )
  },
}

test('openvpn rolls out, because SIGHUP ends it once it has stepped down from root', async () => {
  const running = await start(hook, openvpn)
  const { ns, pod, exec } = running
  expect(pod.spec?.initContainers ?? []).toEqual([])
  await edit(ns, 'config', openvpn.data('two'), [pod])
  const file = () => exec('cat', '/etc/openvpn/server.conf')
  await until('the kubelet has updated the file', async () => (await file()).includes(`port ${ports['two']}`))
  await says(openvpn, running, 'one')
  await exec('sh', '-c', 'kill -HUP 1')
  const restarts = async () =>
    (await ns.podsReady('app=web'))[0]?.status?.containerStatuses?.[0]?.restartCount
  await until('the container starts again', async () => (await restarts()) === 1)
  await says(openvpn, running, 'two')
})
