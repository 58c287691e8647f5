import type { V1VolumeMount } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { decisionFor, podSpec } from '../../support/builders.ts'

test('a command implies reload: exec', () =>
  expect(decisionFor(podSpec(), { command: 'nginx -s reload' }).plan.containers[0]).toMatchObject({
    reload: { method: 'exec', command: ['nginx', '-s', 'reload'] },
    chosenBy: 'hotreload.dev/command',
  }))

test('reload: exec without a command is denied', () =>
  expect(decisionFor(podSpec(), { reload: 'exec' }).messages).toEqual([
    'hotreload.dev/reload: exec, but container web has no command to run; set hotreload.dev/command [HR_NO_COMMAND]',
  ]))

describe('a command that only signals the server', () => {
  const notes = (
    command: string,
    volumeMounts: V1VolumeMount[] = [{ name: 'conf', mountPath: '/etc/web' }],
  ) =>
    decisionFor(
      podSpec({
        containers: [{ name: 'web', image: 'shop/web:1', volumeMounts }],
        volumes: [
          { name: 'conf', configMap: { name: 'web' } },
          { name: 'run', emptyDir: {} },
        ],
      }),
      { command },
    ).notes

  test.each([
    ['nginx -s reload', 'preset: nginx', 'nginx -s', 'pid file'],
    ['/usr/sbin/nginx -c /etc/web/nginx.conf -s reload', 'preset: nginx', 'nginx -s', 'pid file'],
    ['sh -c "test -f /etc/web/x && nginx -s reload"', 'preset: nginx', 'nginx -s', 'pid file'],
    ['pg_ctl reload -D /data', 'preset: postgresql', 'pg_ctl', 'postmaster.pid'],
    ['apachectl graceful', 'preset: apache2', 'apachectl', 'pid file'],
    ['httpd -k graceful', 'preset: apache2', 'httpd -k', 'pid file'],
    ['varnishreload', 'reload: rollout', 'varnishreload', "instance's directory"],
    ['supervisorctl signal HUP web', 'signal', 'supervisorctl', 'socket'],
    ['kill -HUP 1', 'signal', 'kill', 'pid file, and PID 1 is not the app'],
  ])('%s', (command, instead, program, needs) =>
    expect(notes(command)).toEqual([
      `container web: set hotreload.dev/${instead} instead of hotreload.dev/command: ${program} runs beside the app's container and finds no ${needs}`,
    ]),
  )

  test.each([
    'nginx -t',
    'httpd -t',
    'rndc reload',
    'curl -fsX POST http://127.0.0.1:9000/',
    'pkill -HUP web',
  ])('%s does more, or finds the server another way', (command) => expect(notes(command)).toEqual([]))

  test.each(['/var/run', 'var/run'])('with a volume where the pid file is gets no warning: %s', (mountPath) =>
    expect(
      notes('nginx -s reload', [
        { name: 'conf', mountPath: '/etc/web' },
        { name: 'run', mountPath },
      ]),
    ).toEqual([]),
  )
})
