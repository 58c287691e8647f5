// The tests have a real API server, which calls webhooks on this machine.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { text } from 'node:stream/consumers'
import type { V1ConfigMap } from '@kubernetes/client-node'
import { generate } from 'selfsigned'
import { expect, onTestFinished, test } from 'vitest'
import { kubectl, manifest, namespace, tryKubectl } from '../support/kube.ts'

test('the API server calls a mutating webhook on 127.0.0.1', async () => {
  const ns = await namespace()
  const webhook = await startWebhook([{ op: 'add', path: '/data', value: { from: 'webhook' } }])
  const configuration = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: ns.name },
    webhooks: [
      {
        name: 'smoke.hotreload.dev',
        clientConfig: { url: webhook.url, caBundle: Buffer.from(webhook.certificate).toString('base64') },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE'] }],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': ns.name } },
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Fail',
      },
    ],
  }
  onTestFinished(async () => {
    await tryKubectl(['delete', 'mutatingwebhookconfiguration', ns.name])
  })
  // A configuration takes effect a moment after it is stored, so a dry run is repeated until it does.
  await kubectl(['create', '-f', '-'], manifest(configuration))
  const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'empty' } }
  await expect
    .poll(() => ns.apply(configMap, '--dry-run=server', '--output=jsonpath={.data.from}'), {
      timeout: 20_000,
    })
    .toBe('webhook')
  await ns.apply(configMap)
  expect(await ns.get<V1ConfigMap>('configmap', 'empty')).toMatchObject({ data: { from: 'webhook' } })
})

test('the API server stores a Pod without a node', async () => {
  const ns = await namespace()
  const spec = { containers: [{ name: 'app', image: 'localhost/none:1' }], nodeName: 'nowhere' }
  const output = await ns.apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'app' }, spec })
  expect(output).toBe('pod/app created\n')
})

/** A server that answers each review with a patch, until the test ends. */
async function startWebhook(patch: object[]): Promise<{ url: string; certificate: string }> {
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'smoke' }], {
    keyType: 'ec',
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }],
  })
  const encoded = Buffer.from(JSON.stringify(patch)).toString('base64')
  const server = createServer({ cert, key })
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const review: { request: { uid: string } } = JSON.parse(await text(request))
    const answered = { uid: review.request.uid, allowed: true, patchType: 'JSONPatch', patch: encoded }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ ...review, request: undefined, response: answered }))
  }
  server.on('request', (request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not listening on TCP')
  return { url: `https://127.0.0.1:${address.port}/`, certificate: cert }
}
