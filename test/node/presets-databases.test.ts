// PostgreSQL and its connection pooler load a change, and a connected client stays connected.
import { beforeAll, expect, test } from 'vitest'
import { issueAuthority, issueServing } from '../../src/tls/issue.ts'
import { imageReference, images } from '../support/kube.ts'
import { expectReload, type Program, type Running, start } from '../support/program.ts'
import { configMapVolume } from '../support/reload.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

let hook: Webhook
beforeAll(async () => {
  await images('postgres', 'hotreload-agent')
  hook = await webhook()
})

const psql = ['psql', '--no-psqlrc', '--no-align', '--tuples-only', '--username=postgres']
const trust = (path: string) => `hba_file = '${path}/pg_hba.conf'\nunix_socket_directories = '/tmp'\n`
const PG_HBA = 'local all all trust\nhost all all 127.0.0.1/32 trust\n'

/** One connection that queries, stays idle until the file /tmp/go exists, and queries again. */
const session = ({ exec }: Running, connection: string, ...queries: string[]): Promise<string> => {
  const commands = [...queries, String.raw`\! until [ -e /tmp/go ]; do sleep 0.1; done`, ...queries]
  return exec(...psql, ...commands.map((command) => `--command=${command}`), connection)
}
const go = ({ exec }: Running) => exec('touch', '/tmp/go')

const postgres: Program = {
  image: 'postgres',
  mountPath: '/etc/postgres',
  data: (value) => ({
    'postgresql.conf': `${trust('/etc/postgres')}test.version = '${value}'\n`,
    'pg_hba.conf': PG_HBA,
  }),
  observe: async ({ exec }) =>
    (await exec(...psql, '--command=show test.version', 'host=/tmp dbname=postgres')).trim(),
}

test('postgresql loads a change, and an open session sees the new value', async () => {
  const running = await start(hook, postgres)
  const open = session(running, 'host=/tmp dbname=postgres', 'select pg_backend_pid()', 'show test.version')
  await expectReload(postgres, running)
  await go(running)
  const [backend, before, same, after] = (await open).trim().split('\n')
  expect([before, after]).toEqual(['one', 'two'])
  expect(same).toBe(backend)
})

test('postgresql starts with its private key mounted by subPath, and loads a change', async () => {
  const { cert, key } = await issueServing(await issueAuthority(new Date()), ['postgres'], new Date())
  const directory = '/var/lib/postgresql/tls'
  const ssl = `ssl = on\nssl_cert_file = '${directory}/tls.crt'\nssl_key_file = '${directory}/tls.key'\n`
  const subPath = (name: string) => ({ name: 'tls', mountPath: `${directory}/${name}`, subPath: name })
  const withKey: Program = {
    ...postgres,
    data: (value) => {
      const data = postgres.data(value)
      return { ...data, 'postgresql.conf': data['postgresql.conf'] + ssl, 'tls.crt': cert, 'tls.key': key }
    },
    container: {
      volumeMounts: [{ name: 'config', mountPath: '/etc/postgres' }, subPath('tls.crt'), subPath('tls.key')],
    },
    options: {
      spec: {
        // The files are root's and the group may read them, as PostgreSQL demands of a key that is not its own.
        securityContext: { fsGroup: 4321 },
        volumes: [
          configMapVolume('config'),
          { name: 'tls', configMap: { name: 'config', defaultMode: 0o400 } },
        ],
      },
    },
  }
  const running = await start(hook, withKey)
  const listed = await running.exec('stat', '--format=%U %a', `${directory}/tls.key`)
  expect(listed.trim()).toBe('postgres 400')
  await expectReload(withKey, running)
})

/** The Pod has a database, too. The value is the name of a second pool. */
const pgbouncer: Program = {
  image: 'postgres',
  comm: 'pgbouncer',
  mountPath: '/etc/pgbouncer',
  container: { command: ['/usr/sbin/pgbouncer', '/etc/pgbouncer/pgbouncer.ini'] },
  options: {
    spec: {
      initContainers: [
        {
          name: 'database',
          image: imageReference('postgres'),
          imagePullPolicy: 'Never',
          restartPolicy: 'Always',
          command: ['/bin/sh', '-c'],
          args: [
            `printf '${PG_HBA.replaceAll('\n', String.raw`\n`)}' >/tmp/pg_hba.conf; ` +
              'exec /usr/lib/postgresql/15/bin/postgres -D /var/lib/postgresql/15/main ' +
              '-c config_file=/etc/postgresql/15/main/postgresql.conf -c hba_file=/tmp/pg_hba.conf -c unix_socket_directories=/tmp -c ssl=off',
          ],
        },
      ],
    },
  },
  data: (value) => ({
    'pgbouncer.ini': `
[databases]
app = host=127.0.0.1 dbname=postgres user=postgres
${value} = host=127.0.0.1 dbname=postgres user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = 6432
unix_socket_dir =
auth_type = any
`,
  }),
  observe: async ({ exec }) => {
    const pools = await exec(...psql, '--command=show databases', 'host=127.0.0.1 port=6432 dbname=pgbouncer')
    return pools
      .split('\n')
      .find((line) => /^(?:one|two)\|/.test(line))
      ?.slice(0, 3)
  },
}

test('pgbouncer loads a pool, and a connected client keeps its connection and its database session', async () => {
  const running = await start(hook, pgbouncer)
  const open = session(running, 'host=127.0.0.1 port=6432 dbname=app', 'select pg_backend_pid()')
  await expectReload(pgbouncer, running)
  await go(running)
  const [before, after] = (await open).trim().split('\n')
  expect(after).toBe(before)
})
