import type { V1Container } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { injectPod } from '../../src/inject/pod.ts'
import { AGENT_IMAGE, decisionFor, nginx, podSpec } from '../support/builders.ts'

function added(short: Record<string, string>, container: Partial<V1Container> = {}) {
  const spec = podSpec({ containers: [nginx(container)] })
  const injected = injectPod({ spec }, decisionFor(spec, short).plan, {
    agentImage: AGENT_IMAGE,
    version: '0.0.0',
  })
  const all = injected.spec?.initContainers ?? []
  return (name: string) => all.find((one) => one.name === name)
}
const agent = (short: Record<string, string>, container: Partial<V1Container> = {}) =>
  added(short, container)('hotreload-agent')
const user = { securityContext: { runAsUser: 1000 } }
const envFrom = [{ configMapRef: { name: 'env' } }]

describe('the agent', () => {
  test('is a native sidecar without the ServiceAccount’s token', () => {
    const one = agent({})
    expect(one?.restartPolicy).toBe('Always')
    expect(one?.volumeMounts).toContainEqual({
      name: 'hotreload-no-token',
      mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
      readOnly: true,
    })
  })

  test('runs in its own image if the user is known, else in the app’s', () => {
    expect(agent({}, user)).toMatchObject({ image: AGENT_IMAGE })
    expect(agent({}, user)?.command).toBeUndefined()
    expect(agent({})).toMatchObject({ image: nginx().image, command: ['/.hotreload/bin/hotreload-agent'] })
  })

  test.each<[short: Record<string, string>, kill: boolean]>([
    [{}, true],
    [{ reload: 'restart' }, true],
    [{ url: 'http://127.0.0.1:1/' }, false],
    [{ url: 'http://127.0.0.1:1/', env: 'restart' }, true],
    [{ reload: 'probe' }, false],
  ])('%j needs the capability KILL: %s', (short, kill) =>
    expect(agent(short, { envFrom })?.securityContext?.capabilities?.add).toEqual(
      kill ? ['KILL'] : undefined,
    ),
  )

  test('runs a command with the app’s image, files, variables and directory', () => {
    const one = agent({ command: 'nginx -s reload' }, { ...user, envFrom, workingDir: '/srv' })
    expect(one).toMatchObject({ image: nginx().image, envFrom, workingDir: '/srv' })
    expect(one?.volumeMounts).toContainEqual(nginx().volumeMounts?.[0])
  })

  test('gets the app’s variables only for a command or a subPathExpr', () => {
    expect(agent({}, { envFrom })?.envFrom).toBeUndefined()
    const volumeMounts = [{ name: 'conf', mountPath: '/etc/nginx/a', subPathExpr: '$(A)' }]
    expect(agent({ subpath: 'copy' }, { envFrom, volumeMounts })?.envFrom).toEqual(envFrom)
  })

  test('is not added beside a supervised program', () =>
    expect(agent({ reload: 'supervise' }, { command: ['nginx'] })).toBeUndefined())
})

test('a variable with a resource of the container keeps naming that container', () => {
  const field = (containerName?: string) => [
    {
      name: 'CPU',
      valueFrom: {
        resourceFieldRef: { resource: 'limits.cpu', ...(containerName ? { containerName } : {}) },
      },
    },
  ]
  const command = { command: 'true' }
  expect(agent(command, { env: field() })?.env).toEqual(field('web'))
  expect(agent(command, { env: field('api') })?.env).toEqual(field('api'))
})

test('the installer runs in the agent’s image, for the app’s image, and its hook holds back what needs the program', () => {
  expect(added({}, user)('hotreload-install')).toBeUndefined()
  expect(added({})('hotreload-install')).toMatchObject({
    image: AGENT_IMAGE,
    args: ['idle'],
    restartPolicy: 'Always',
    lifecycle: {
      postStart: { exec: { command: ['/hotreload-agent', 'install', '/.hotreload/bin/hotreload-agent'] } },
    },
    resources: { requests: { cpu: '1m', memory: '4Mi' }, limits: { memory: '16Mi' } },
  })
})

describe('what prepares files before the app starts', () => {
  const volumeMounts = [{ name: 'conf', mountPath: '/etc/nginx/a.conf', subPath: 'a.conf' }]
  const link = (short: Record<string, string>, container: Partial<V1Container> = {}) => {
    const find = added(short, { volumeMounts, ...container })
    return { byAgent: find('hotreload-agent'), before: find('hotreload-link-web') }
  }

  test('the agent copies a directory in the app’s image, with the rights of root where the app has them', () => {
    const { byAgent, before } = link({ subpath: 'symlink' })
    expect(before).toBeUndefined()
    expect(byAgent).toMatchObject({
      image: nginx().image,
      args: expect.arrayContaining(['--link=once', '--parent=/etc/nginx']),
      lifecycle: {
        postStart: { exec: { command: ['/.hotreload/bin/hotreload-agent', 'link', '--await=web'] } },
      },
    })
    expect(byAgent?.securityContext?.capabilities?.add).toEqual([
      'KILL',
      'CHOWN',
      'DAC_OVERRIDE',
      'FOWNER',
      'SETPCAP',
    ])
  })

  test('the agent copies a directory in the app’s image also for a known user, who gets no rights', () => {
    const { byAgent } = link({ subpath: 'symlink' }, user)
    expect(byAgent).toMatchObject({ image: nginx().image })
    expect(byAgent?.securityContext?.capabilities).toEqual({ drop: ['ALL'] })
  })

  test('the agent rewrites a file in its own image if the user is known', () => {
    const { byAgent } = link({ subpath: 'copy' }, user)
    expect(byAgent).toMatchObject({
      image: AGENT_IMAGE,
      args: expect.arrayContaining(['--link=once', '--copy=/etc/nginx/a.conf:conf/a.conf']),
      lifecycle: { postStart: { exec: { command: ['/hotreload-agent', 'link', '--await=web'] } } },
    })
  })

  test('the agent sees what the app mounts below the directory, so that the mount points exist', () => {
    const below = { name: 'cache', mountPath: '/etc/nginx/cache' }
    const { byAgent } = link({ subpath: 'symlink' }, { volumeMounts: [...volumeMounts, below] })
    expect(byAgent?.volumeMounts).toContainEqual({ ...below, readOnly: true })
  })

  test('an agent without files to prepare has no hook and no further rights', () => {
    const one = agent({})
    expect(one?.lifecycle).toBeUndefined()
    expect(one?.securityContext?.capabilities?.add).toEqual(['KILL'])
  })

  test.each<[why: string, short: Record<string, string>]>([
    ['the agent has the app’s mounts, these files included', { validate: 'nginx -t' }],
    ['no agent runs beside the app', { reload: 'supervise' }],
  ])('an init container does it where %s', (_, short) => {
    const { byAgent, before } = link({ subpath: 'symlink', ...short }, { command: ['nginx'] })
    expect(before).toMatchObject({ image: nginx().image, args: expect.arrayContaining(['link']) })
    expect(before?.securityContext?.capabilities?.add).toEqual(['CHOWN', 'DAC_OVERRIDE', 'FOWNER'])
    expect(byAgent?.lifecycle).toBeUndefined()
  })
})
