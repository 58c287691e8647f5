/** Databases, caches and brokers, and runtimes that must never be signalled. */
import { normalPath } from '../../workload/references.ts'
import { directoryOf, flag } from './arguments.ts'
import { byRollout, bySignal, elsewhere, type PathRow, type Preset } from './preset.ts'

const emptyDatabaseOnly: PathRow = {
  under: ['/docker-entrypoint-initdb.d/'],
  way: 'ignore',
  because: 'it runs in an empty database only',
}

export const data = {
  postgresql: {
    names: ['postgres', 'postgresql'],
    reload: bySignal('SIGHUP', 'postgres'),
    paths: [emptyDatabaseOnly],
    initialVariables: [
      'POSTGRES_DB_FILE',
      'POSTGRES_INITDB_ARGS_FILE',
      'POSTGRES_PASSWORD_FILE',
      'POSTGRES_POSTGRES_PASSWORD_FILE',
      'POSTGRES_USER_FILE',
    ],
    doc: 'SIGHUP to the postmaster, which reloads open sessions too; settings of context postmaster need a restart',
    source: 'postgresql.org/docs/current/config-setting.html',
    proved: true,
  },
  pgbouncer: {
    names: ['pgbouncer'],
    reload: bySignal('SIGHUP', 'pgbouncer'),
    doc: 'SIGHUP, the same as RELOAD; clients stay connected',
    source: 'pgbouncer.org/usage.html#signals',
    proved: true,
  },
  mosquitto: {
    names: ['mosquitto', 'eclipse-mosquitto'],
    reload: bySignal('SIGHUP', 'mosquitto'),
    doc: 'SIGHUP; listeners are not re-read',
    source: 'mosquitto(8), SIGNALS',
    proved: true,
  },
  nats: {
    names: ['nats', 'nats-server'],
    reload: bySignal('SIGHUP', 'nats-server'),
    doc: 'SIGHUP, the same as --signal reload; clients stay connected',
    source: 'docs.nats.io/running-a-nats-service/nats_admin/signals',
    validate: 'nats-server -t -c /etc/nats/nats.conf',
    proved: true,
  },
  redis: {
    names: ['redis', 'redis-server', 'valkey'],
    reload: byRollout,
    doc: 'never re-reads its file',
    source: 'redis.io, configuration',
    proved: true,
  },
  memcached: {
    names: ['memcached'],
    reload: (container) =>
      flag(container, '-Y', '--auth-file') === undefined ? byRollout : bySignal('SIGHUP', 'memcached'),
    paths: (container) => [
      {
        under: [flag(container, '-Y', '--auth-file') ?? []].flat().map(directoryOf),
        way: 'reload',
        because: 'SIGHUP re-reads the users file',
      },
      elsewhere('rollout', 'SIGHUP re-reads the users file only'),
    ],
    doc: 'SIGHUP re-reads the users file that -Y or --auth-file names; without such a flag changes roll out',
    source: 'github.com/memcached/memcached, memcached.c: sig_hup',
    proved: true,
  },
  mysql: {
    names: ['mysql', 'mysqld', 'mariadb', 'mariadbd'],
    reload: byRollout,
    paths: [emptyDatabaseOnly],
    initialVariables: ['MYSQL', 'MARIADB'].flatMap((server) =>
      ['DATABASE', 'PASSWORD', 'ROOT_PASSWORD', 'USER'].map((what) => `${server}_${what}_FILE`),
    ),
    doc: 'SIGHUP flushes logs and tables, and re-reads no option file',
    source: 'dev.mysql.com/doc/refman/8.4/en/unix-signal-response.html',
    proved: true,
  },
  mongod: {
    names: ['mongod', 'mongo', 'mongodb'],
    reload: byRollout,
    paths: [emptyDatabaseOnly],
    initialVariables: ['MONGO_INITDB_ROOT_PASSWORD_FILE', 'MONGO_INITDB_ROOT_USERNAME_FILE'],
    doc: 'never re-reads its file',
    source: 'mongodb.com/docs/manual, mongod',
  },
  minio: {
    names: ['minio'],
    reload: byRollout,
    paths: (container) => {
      const certificates = normalPath(flag(container, '--certs-dir', '-S') ?? '/root/.minio/certs')
      return [
        {
          under: [`${certificates}/`],
          way: 'none',
          because: 'it reads its certificates again each 10 s',
        },
        {
          under: [`${certificates}/CAs/`],
          way: 'rollout',
          because: 'it reads the certificates of authorities when it starts only',
        },
      ]
    },
    doc: 'reads its certificates again each 10 s, but those of authorities, and all else, when it starts only',
    source: 'github.com/minio/minio, cmd/common-main.go: getTLSConfig',
  },
  cockroach: {
    names: ['cockroach', 'cockroachdb'],
    reload: byRollout,
    doc: 'SIGHUP re-reads its certificates, of which the chart mounts a copy: where a volume holds them, set `signal: SIGHUP`',
    source: 'cockroachdb/helm-charts, README: enableSighupRotation',
  },
  clickhouse: {
    names: ['clickhouse-server', 'clickhouse'],
    reload: byRollout,
    paths: [
      {
        under: ['/etc/clickhouse-server/users.d/', '/etc/clickhouse-server/users.xml'],
        way: 'none',
        because: 'it watches its users and their settings',
      },
    ],
    doc: 'watches its users and their settings; most other settings are read when it starts only',
    source: 'clickhouse.com/docs/operations/configuration-files, implementation details',
  },
  elasticsearch: {
    names: ['elasticsearch'],
    reload: byRollout,
    doc: 'reads its files when it starts',
    source: 'elastic.co/docs/deploy-manage/deploy/self-managed/configure-elasticsearch',
  },
  rabbitmq: {
    names: ['rabbitmq', 'rabbitmq-server'],
    reload: byRollout,
    doc: 'reads its files when it starts',
    source: 'rabbitmq.com/docs/configure',
  },
  java: {
    names: ['java', 'spring'],
    reload: byRollout,
    doc: 'a JVM catches SIGHUP to exit',
    source: 'java(1), -Xrs',
    proved: true,
  },
} as const satisfies Record<string, Preset>
