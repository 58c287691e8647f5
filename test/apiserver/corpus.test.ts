// Every manifest of $CORPUS, injected, is one that the API server accepts, where it accepts the original. A folder of real
// charts' output; .ci/run names it, and there are no tests here without it.
import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { injectManifests } from '../../src/cli/inject.ts'
import { mapObjects } from '../../src/cli/manifest.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import {
  type ApiObject,
  hasPodTemplate,
  podTemplate,
  withPodTemplate,
} from '../../src/workload/pod-template.ts'
import { namespace } from '../support/kube.ts'
import { tryKubectl } from '../support/kubectl.ts'

const corpus = process.env.CORPUS
const options = { agentImage: 'hotreload-agent:1', version: '1', defaults: builtInDefaults, injectAll: true }

/** The workloads of a stream, without a namespace of their own, and each `hotreload.dev/reload: none` if so wished. */
function workloads(stream: string, file: string, watches: boolean): ApiObject[] {
  const found: ApiObject[] = []
  mapObjects(stream, file, (object) => {
    const template = podTemplate(object)
    if (!template || !hasPodTemplate(object.kind)) return object
    const { namespace: _, ...metadata } = object.metadata ?? {}
    const annotations = {
      ...template.metadata?.annotations,
      ...(watches ? { 'hotreload.dev/reload': 'none' } : {}),
    }
    found.push(
      withPodTemplate(
        { ...object, metadata },
        { ...template, metadata: { ...template.metadata, annotations } },
      ),
    )
    return object
  })
  return found
}

/** Why the API server refuses an object; undefined: it does not. */
async function refusal(object: ApiObject, ns: string): Promise<string | undefined> {
  const { code, stderr } = await tryKubectl(
    ['create', '--dry-run=server', '--namespace', ns, '-f', '-'],
    JSON.stringify(object),
  )
  return code === 0 ? undefined : stderr
}

if (corpus !== undefined) {
  describe.each(readdirSync(corpus).filter((name) => /\.ya?ml$/.test(name)))('%s', (name) => {
    test('is accepted once injected, as it is and with every subPath made live', {
      timeout: 300_000,
    }, async () => {
      const ns = await namespace()
      const stream = await readFile(join(corpus, name), 'utf8')
      for (const watches of [false, true]) {
        for (const workload of workloads(stream, name, watches)) {
          if ((await refusal(workload, ns.name)) !== undefined) continue
          const { manifests, problems } = injectManifests(JSON.stringify(workload), name, options)
          expect(problems).toEqual([])
          const injected: ApiObject = JSON.parse(manifests)
          expect(
            await refusal(injected, ns.name),
            `${workload.kind} ${workload.metadata?.name}`,
          ).toBeUndefined()
        }
      }
    })
  })
}
