// A change while a program starts: until the program handles the signal, the signal would end it.
import { beforeAll, expect, test } from 'vitest'
import { pause } from '../cluster/run.ts'
import { images, until } from '../support/kube.ts'
import { type Program, says, start } from '../support/program.ts'
import { gunicorn } from '../support/programs/http.ts'
import { agentStatus, edit } from '../support/reload.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

const ROUNDS = 3
/** Milliseconds. An agent whose program ends within two seconds after a signal never sends it again. */
const WATCHED = 3_000
let hook: Webhook
beforeAll(async () => {
  await images('gunicorn', 'nginx', 'hotreload-agent')
  hook = await webhook()
})

const nginx: Program = {
  image: 'nginx',
  mountPath: '/etc/nginx/conf.d',
  data: (value) => ({ 'site.conf': `server { listen 8080; return 200 "${value}"; }\n` }),
  observe: async ({ ns, pod }) => (await ns.fetch(pod, '/', 8080)).body,
}

/**
 * Starts the program. Each time it ends, the script starts it again when the kubelet writes the directory of the next version, about a
 * millisecond before the swap: the agent sees the swap and finds a process that has just started. /tmp/ends has the exit code of each run.
 */
const starter = (mountPath: string, command: string): string => `
cd ${mountPath}
while :; do
  ${command} & echo $! >/tmp/pid
  wait $!
  ended=$?
  set -- ..2*; seen="$*"
  echo $ended >>/tmp/ends
  while set -- ..2*; [ "$*" = "$seen" ]; do :; done
done`

test.each([
  { program: gunicorn, command: 'gunicorn --config /etc/gunicorn/gunicorn.conf.py app' },
  { program: nginx, command: "nginx -g 'daemon off;'" },
])('$program.image that starts while its ConfigMap changes stays alive and has the change', async (one) => {
  const { program, command } = one
  const running = await start(hook, {
    ...program,
    container: { command: ['sh', '-c', starter(program.mountPath, command)] },
    options: { annotations: { 'hotreload.dev/preset': program.image } },
  })
  const { ns, pod, exec } = running
  const ends = async () => (await exec('cat', '/tmp/ends').catch(() => '')).split('\n').filter(Boolean)
  for (let round = 1; round <= ROUNDS; round += 1) {
    // SIGTERM is its signal to stop, so that it exits with 0.
    await exec('sh', '-c', 'kill -TERM $(cat /tmp/pid)')
    await until('the program has stopped', async () => (await ends()).length === round)
    await edit(ns, 'config', program.data(`round${round}`), [pod])
    await says(program, running, `round${round}`)
    await until('the agent has handled the change', async () => {
      const { sent, reloaded, notNeeded } = (await agentStatus(ns, pod)).counters
      return sent + reloaded + notNeeded === round
    })
    await pause(WATCHED)
  }
  expect((await agentStatus(ns, pod)).counters).toMatchObject({ killed: 0, refused: 0 })
  expect(await ends()).toEqual(Array.from({ length: ROUNDS }, () => '0'))
})
