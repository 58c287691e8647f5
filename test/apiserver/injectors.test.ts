// With another injector, called before or after ours: the Pod gets one agent, and the other's containers stay as they are.
import type { V1Pod } from '@kubernetes/client-node'
import { beforeAll, expect, test } from 'vitest'
import { OTHER_CONTAINER, otherInjector } from '../support/other-injector.ts'
import { configMap, configMapVolume } from '../support/reload.ts'
import { until } from '../support/until.ts'
import { type Webhook, webhook } from '../support/webhook.ts'

let hook: Webhook
beforeAll(async () => {
  hook = await webhook()
})

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'web',
    annotations: { 'hotreload.dev/inject': 'true' },
    // A controller's Pod, so that its mounts are rewritten too.
    ownerReferences: [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: crypto.randomUUID(), controller: true },
    ],
  },
  spec: {
    containers: [
      {
        name: 'web',
        image: 'nginx',
        volumeMounts: [{ name: 'conf', mountPath: '/etc/nginx/nginx.conf', subPath: 'nginx.conf' }],
      },
    ],
    volumes: [configMapVolume('conf')],
  },
}

test.each(['a-first', 'z-last'])(
  'an injector that is called as %s keeps its containers and volumes',
  async (order) => {
    const label = { [`other-${order}`]: 'yes' }
    await otherInjector(`${order}-${crypto.randomUUID().slice(0, 8)}`, label)
    const ns = await hook.namespace({ 'hotreload.dev/injection': 'enabled', ...label })
    await ns.apply(configMap('conf', { 'nginx.conf': 'events {}' }))
    // A dry run: the garbage collector would delete a stored Pod, because its owner does not exist.
    const create = ['create', '--dry-run=server', '--output=json', '-f', '-']
    const { spec } = await until('the API server calls the other injector', async () => {
      const made: V1Pod = JSON.parse(await ns.kubectl(create, JSON.stringify(pod)))
      return made.spec?.containers.some(({ name }) => name === OTHER_CONTAINER) && made
    })
    const inits = (spec?.initContainers ?? []).map(({ name }) => name)
    expect(inits).toEqual(['istio-init', 'hotreload-install', 'hotreload-agent'])
    const [proxy, web] = spec?.containers ?? []
    expect(proxy?.name).toBe(OTHER_CONTAINER)
    expect(proxy?.volumeMounts?.map(({ name }) => name)).toContain('istiod-ca-cert')
    expect(web?.volumeMounts?.map(({ mountPath }) => mountPath)).toEqual(
      expect.arrayContaining(['/etc/nginx', '/.hotreload/vol/conf']),
    )
    const mounts = spec?.initContainers?.find(({ name }) => name === 'hotreload-agent')?.volumeMounts ?? []
    expect(
      mounts.filter(({ mountPath }) => mountPath === '/var/run/secrets/kubernetes.io/serviceaccount'),
    ).toMatchObject([{ name: 'hotreload-no-token' }])
  },
)
