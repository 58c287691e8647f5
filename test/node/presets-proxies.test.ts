// Presets of proxies, each with the program of its project: the same process serves the new value, and the one after it.
import { beforeAll, expect, test } from 'vitest'
import { images } from '../support/kube.ts'
import { expectInEffect, expectReload, type Program, type Running, says, start } from '../support/program.ts'
import { envoy, traefik } from '../support/programs/proxies.ts'
import { edit, expectUntouched } from '../support/reload.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

let hook: Webhook
beforeAll(async () => {
  await images('envoy', 'traefik', 'hotreload-agent')
  hook = await webhook()
})

/** A watch of a ConfigMap's file may end with the first change. */
async function expectSecondChange(program: Program, running: Running): Promise<void> {
  await edit(running.ns, 'config', program.data('one'), [running.pod])
  await says(program, running, 'one')
  await expectUntouched(running.ns, running.pod)
}

test.each([envoy, traefik('directory=/etc/web')])('$image watches its directory', async (program) => {
  const running = await start(hook, program)
  expect(running.pod.spec?.initContainers ?? []).toEqual([])
  await expectInEffect(program, running)
  await expectSecondChange(program, running)
})

test('traefik reloads a single file by its signal', async () => {
  const program = traefik('filename=/etc/web/web.yaml')
  const running = await start(hook, program)
  await expectReload(program, running)
  await expectSecondChange(program, running)
})
