// The tests have a real node: its Pods run, are reachable, and read their ConfigMaps.
import { beforeAll, expect, test } from 'vitest'
import { images, namespace, until } from '../support/kube.ts'

let nginx = ''
let reader = ''
beforeAll(async () => {
  ;[nginx = '', reader = ''] = await images('nginx', 'reader')
})

test('a Pod of nginx becomes Ready, serves its page and shows its log', async () => {
  const ns = await namespace()
  await ns.apply(pod('web', { name: 'nginx', image: nginx }))
  const ready = await ns.podReady('web')
  const { status, body } = await until('nginx answers', () => ns.fetch(ready))
  expect({ status, body }).toMatchObject({ status: 200, body: expect.stringContaining('Welcome to nginx') })
  await until('the request is in the log', async () =>
    (await ns.logs('web', 'nginx')).includes('GET / HTTP/1.1'),
  )
  expect(await ns.exec('web', 'nginx', ['nginx', '-T'])).toContain('worker_processes')
})

test('a program in an image that holds nothing else loads its ConfigMap, and a Service reaches it', async () => {
  const ns = await namespace()
  const volume = { name: 'config', configMap: { name: 'config' } }
  await ns.apply([
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'config' }, data: { config: 'first\n' } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'reader' },
      spec: { selector: { app: 'reader' }, ports: [{ port: 8080 }] },
    },
    pod(
      'reader',
      { name: 'reader', image: reader, volumeMounts: [{ name: 'config', mountPath: '/etc/reader' }] },
      volume,
    ),
  ])
  const ready = await ns.podReady('reader')
  const answer = await until('the program answers', () => ns.fetch(ready, '/', 8080))
  expect(answer.body).toBe('first\n')
  expect(answer.headers.get('x-loads')).toBe('1')
  const { spec } = await ns.get<{ spec: { clusterIP: string } }>('service', 'reader')
  const body = await until('the Service answers', async () =>
    (await fetch(`http://${spec.clusterIP}:8080`)).text(),
  )
  expect(body).toBe('first\n')
})

function pod(name: string, container: object, ...volumes: object[]): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: {
      containers: [{ imagePullPolicy: 'Never', ...container }],
      volumes,
      terminationGracePeriodSeconds: 1,
    },
  }
}
