// The second part of the demo, which needs no cluster: the agent reloads a real nginx of this machine, as it does in a Pod.
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { repository } from '../cluster/paths.ts'
import { type Background, run, start } from '../cluster/run.ts'
import { until } from '../support/until.ts'
import { elapsed, heading, say } from './screen.ts'
import { atEnd } from './undo.ts'

/** The most that the slow download gets in a second, and its length: it outlasts two reloads. */
const SLOW = { bytesPerSecond: 1000, bytes: 5000 }

/** @param nginx the program */
export async function showHere(nginx: string): Promise<void> {
  heading('A real nginx on this machine, and the agent; a directory is swapped as the kubelet does')
  say('building the agent (cargo; about 20 s, once)')
  const agentProgram = join(repository, 'bin/hotreload-agent')
  await run(['make', '--silent', '-C', repository, 'bin/hotreload-agent'])
  const directory = mkdtempSync(join(tmpdir(), 'hotreload-demo-'))
  atEnd(() => rmSync(directory, { recursive: true, maxRetries: 5 }))
  for (const name of ['vol/site', 'state', 'temporary']) mkdirSync(join(directory, name), { recursive: true })
  writeFileSync(join(directory, 'slow'), 'x'.repeat(SLOW.bytes))
  const volume = join(directory, 'vol/site')
  const page = (text: string): string =>
    `server { listen unix:${directory}/socket; location / { return 200 "${text}"; } ` +
    `location /slow { limit_rate ${SLOW.bytesPerSecond}; alias ${directory}/slow; } }\n`
  swap(volume, page('one'))

  // The agent finds the process by its name, which no other process on this machine may have.
  const program = join(directory, `nginx-${process.pid}`)
  copyFileSync(nginx, program)
  const flags = ['-p', directory, '-c', writeNginxConfiguration(directory), '-e', 'stderr']
  const server = background('nginx', directory, [program, ...flags])
  await until('nginx serves "one"', async () => (await text(directory)) === 'one', 30_000, 20)
  const argv = [
    agentProgram,
    'watch',
    '--container=web',
    '--volume=site',
    '--reload=signal',
    '--signal=SIGHUP',
    `--process=${basename(program)}`,
    '--confirm=workers',
    `--validate=${JSON.stringify([program, '-t', ...flags])}`,
    `--port=${await freePort()}`,
  ]
  console.log(`$ ${argv.map((word) => (/[[" ]/.test(word) ? `'${word}'` : word)).join(' ')}`)
  const agent = background('agent', directory, argv)
  await logged(agent, '"msg":"watching"')
  const slow = await request(directory, '/slow')
  const before = server.child.pid
  say(`nginx, process ${before}, serves "one"; a slow download has begun`)

  for (const to of ['two', 'a mistake', 'three']) {
    const swapped = Date.now()
    swap(volume, to === 'a mistake' ? 'server { listen\n' : page(to))
    if (to === 'a mistake') {
      const line = await logged(agent, '"msg":"not reloaded"')
      say(`a mistake comes; nginx still serves ${JSON.stringify(await text(directory))}, and the agent says`)
      console.log(`  ${line}`)
      continue
    }
    await until(`nginx serves ${to}`, async () => (await text(directory)) === to, 30_000, 10)
    say(`nginx serves ${JSON.stringify(to)}, ${((Date.now() - swapped) / 1000).toFixed(2)} s after the swap`)
    const count = to === 'two' ? 1 : 2
    console.log(`  ${await logged(agent, '"msg":"reloaded"', count)}`)
  }
  const { pid } = server.child
  if (server.child.exitCode !== null || pid !== before) throw new Error('nginx ended, but should not')
  const length = await lengthOf(slow)
  if (length !== SLOW.bytes) throw new Error(`the download got ${length} of ${SLOW.bytes} bytes`)
  console.log(`  nginx is process ${pid}, as before; the download got ${length} of ${SLOW.bytes} bytes`)
  say(`that was the half without a cluster, in ${elapsed()} s`)
}

/** Brings new content as the kubelet's AtomicWriter does: into a new directory, which one rename of the symlink `..data` shows. */
function swap(volume: string, content: string): void {
  const next = `..${Date.now()}`
  mkdirSync(join(volume, next))
  writeFileSync(join(volume, next, 'site.conf'), content)
  symlinkSync(next, join(volume, '..data_tmp'))
  renameSync(join(volume, '..data_tmp'), join(volume, '..data'))
  // The key's own symlink, once. The kubelet also removes the directory before; here all go at the end.
  const key = join(volume, 'site.conf')
  if (!existsSync(key)) symlinkSync('..data/site.conf', key)
}

function writeNginxConfiguration(directory: string): string {
  const path = join(directory, 'nginx.conf')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${directory}/temporary;`,
  )
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  writeFileSync(
    path,
    `${user} daemon off; pid ${directory}/nginx.pid; events {}
http { access_log off; ${temporary.join(' ')} include ${directory}/vol/site/*.conf; }
`,
  )
  return path
}

/** SIGTERM ends it with this process, however that ends: of nginx's master, SIGKILL would leave the workers. */
function background(name: string, directory: string, argv: readonly string[]): Background {
  const env = { ...process.env, HOTRELOAD_ROOT: directory }
  const program = start(name, argv, join(directory, `${name}.log`), env, 'TERM')
  const ended = new Promise((resolve) => program.child.on('close', resolve))
  atEnd(() => {
    program.child.kill('SIGTERM')
    // Until then it may write into the directory.
    return ended
  })
  return program
}

/** Waits for the `count`th line of the agent's log with this text. */
const logged = (agent: Background, text: string, count = 1): Promise<string> =>
  until(
    `the agent logs ${text}`,
    () =>
      readFileSync(agent.log, 'utf8')
        .split('\n')
        .filter((line) => line.includes(text))
        .at(count - 1),
    60_000,
    20,
  )

const request = (directory: string, path: string): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    get({ socketPath: join(directory, 'socket'), path, agent: false }, resolve).on('error', reject)
  })

async function text(directory: string): Promise<string> {
  return Buffer.concat(await (await request(directory, '/')).toArray()).toString()
}

const lengthOf = async (response: IncomingMessage): Promise<number> =>
  Buffer.concat(await response.toArray()).length

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
