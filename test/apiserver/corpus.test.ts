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

/** Which of the objects the API server would take, as `kind/name` lines, and what it said of the others. */
async function accepted(
  objects: readonly ApiObject[],
  ns: string,
): Promise<{ names: string[]; refusals: string }> {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })
  const { stdout, stderr } = await tryKubectl(
    ['create', '--dry-run=server', '--namespace', ns, '-o=name', '-f', '-'],
    list,
  )
  return { names: stdout.split('\n').filter(Boolean), refusals: stderr }
}

if (corpus !== undefined) {
  describe.each(readdirSync(corpus).filter((name) => /\.ya?ml$/.test(name)))('%s', (name) => {
    test.each([
      { how: 'as it is', watches: false },
      { how: 'with every subPath made live', watches: true },
    ])('is accepted once injected, $how', async ({ watches }) => {
      const ns = await namespace()
      const originals = workloads(await readFile(join(corpus, name), 'utf8'), name, watches)
      const injected = originals.map((workload): ApiObject => {
        const { manifests, problems } = injectManifests(JSON.stringify(workload), name, options)
        expect(problems).toEqual([])
        return JSON.parse(manifests)
      })
      const before = await accepted(originals, ns.name)
      const after = await accepted(injected, ns.name)
      expect(after.names, after.refusals).toEqual(before.names)
    })
  })
}
