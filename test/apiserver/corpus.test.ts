// The API server accepts every injected manifest of the corpus (test/support/corpus.ts) whose original it accepts.
import { readFile } from 'node:fs/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { pathOf } from '../../src/api/paths.ts'
import { injectManifests } from '../../src/cli/inject.ts'
import { mapObjects } from '../../src/cli/shared/manifest.ts'
import { createClient, type KubeClient } from '../../src/kube/client.ts'
import { kubeconfigConnection } from '../../src/kube/connection.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { templateKindOf } from '../../src/workload/kinds.ts'
import { type ApiObject, podTemplate } from '../../src/workload/pod-template.ts'
import { corpus, withReloadNone } from '../support/corpus.ts'
import { cluster, namespace } from '../support/kube.ts'

const options = { agentImage: 'hotreload-agent:1', version: '1', defaults: builtInDefaults, injectAll: true }

let ns: string
let client: KubeClient
beforeAll(async () => {
  ns = (await namespace()).name
  client = createClient(await kubeconfigConnection(cluster().kubeconfig, ns))
})

/** The workloads of a stream, without a namespace of their own. */
function workloads(stream: string, file: string): ApiObject[] {
  const found: ApiObject[] = []
  mapObjects(stream, file, (object) => {
    if (!podTemplate(object) || !templateKindOf(object)) return object
    const { namespace: _, ...metadata } = object.metadata ?? {}
    found.push({ ...object, metadata })
    return object
  })
  return found
}

/** Empty if the API server would store the object, else why not. It stores nothing. */
async function refusal(object: ApiObject): Promise<string> {
  const path = `${pathOf({ ...object, namespace: ns })}?dryRun=All&fieldValidation=Strict`
  const { status, body } = await client.call({ method: 'POST', path, body: object })
  return status === 201 ? '' : `${status} ${JSON.stringify(body)}`
}

let accepted = 0

describe.each(corpus)('$name', ({ name, path }) => {
  test.each([
    { how: 'unchanged', change: (workload: ApiObject) => workload },
    { how: 'with every subPath updated', change: withReloadNone },
  ])('is accepted once injected, $how', async ({ change }) => {
    for (const original of workloads(await readFile(path, 'utf8'), name).map(change)) {
      const { manifests, problems } = injectManifests(JSON.stringify(original), name, options)
      expect(problems).toEqual([])
      if (await refusal(original)) continue
      accepted += 1
      expect(await refusal(JSON.parse(manifests))).toBe('')
    }
  })
})

test('the API server accepts originals', () => {
  expect(accepted).toBeGreaterThan(corpus.length)
})
