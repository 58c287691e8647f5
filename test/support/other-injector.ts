// A minimal injector like that of another project: it adds its container first, with its own ConfigMap and sidecar.
import { createServer, type Server } from 'node:https'
import { json } from 'node:stream/consumers'
import type { V1Pod } from '@kubernetes/client-node'
import { afterAll } from 'vitest'
import { issueAuthority, issueServing } from '../../src/tls/issue.ts'
import { kubectl, manifest, tryKubectl } from './kubectl.ts'

export const OTHER_CONTAINER = 'istio-proxy'

/**
 * @param name of its MutatingWebhookConfiguration: the API server calls configurations in the order of their names
 * @param namespaceLabel selects the namespaces whose Pods it injects
 */
export async function otherInjector(
  name: string,
  namespaceLabel: Readonly<Record<string, string>>,
): Promise<void> {
  const now = new Date()
  const authority = await issueAuthority(now)
  const server = createServer(await issueServing(authority, ['localhost'], now), (request, response) => {
    void json(request).then((review) => {
      const { uid, object } = (review as { request: { uid: string; object: V1Pod } }).request
      const patch = Buffer.from(JSON.stringify(injected(object))).toString('base64')
      response.setHeader('content-type', 'application/json')
      response.end(
        JSON.stringify({
          apiVersion: 'admission.k8s.io/v1',
          kind: 'AdmissionReview',
          response: { uid, allowed: true, patchType: 'JSONPatch', patch },
        }),
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  await kubectl(
    ['create', '-f', '-'],
    manifest({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name },
      webhooks: [
        {
          name: 'other.example.com',
          clientConfig: {
            url: `https://localhost:${port}/`,
            caBundle: Buffer.from(authority.cert).toString('base64'),
          },
          rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
          namespaceSelector: { matchLabels: namespaceLabel },
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          reinvocationPolicy: 'IfNeeded',
        },
      ],
    }),
  )
  registrations.push({ name, server })
}

const registrations: { name: string; server: Server }[] = []

afterAll(async () => {
  for (const { name, server } of registrations.splice(0)) {
    await tryKubectl(['delete', 'mutatingwebhookconfiguration', name])
    server.closeAllConnections()
    server.close()
  }
})

/** Adds a container before all others and a native sidecar before all init containers; empty if the Pod has them. */
function injected({ spec }: V1Pod): object[] {
  if (spec?.containers.some(({ name }) => name === OTHER_CONTAINER)) return []
  const mesh = { name: 'istiod-ca-cert', configMap: { name: 'istio-ca-root-cert', optional: true } }
  const proxy = {
    name: OTHER_CONTAINER,
    image: 'proxy',
    volumeMounts: [{ name: mesh.name, mountPath: '/var/run/secrets/istio' }],
  }
  const init = { name: 'istio-init', image: 'proxy', restartPolicy: 'Always' }
  return [
    { op: 'add', path: '/spec/containers/0', value: proxy },
    spec?.initContainers
      ? { op: 'add', path: '/spec/initContainers/0', value: init }
      : { op: 'add', path: '/spec/initContainers', value: [init] },
    spec?.volumes
      ? { op: 'add', path: '/spec/volumes/0', value: mesh }
      : { op: 'add', path: '/spec/volumes', value: [mesh] },
  ]
}
