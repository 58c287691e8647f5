// The API server accepts every injected manifest of the corpus (test/support/corpus.ts) whose original it accepts.
import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { injectManifests } from '../../src/cli/inject.ts'
import { mapObjects } from '../../src/cli/shared/manifest.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { templateKindOf } from '../../src/workload/kinds.ts'
import { type ApiObject, podTemplate } from '../../src/workload/pod-template.ts'
import { corpus, withReloadNone } from '../support/corpus.ts'
import { namespace } from '../support/kube.ts'
import { tryKubectl } from '../support/kubectl.ts'

const options = { agentImage: 'hotreload-agent:1', version: '1', defaults: builtInDefaults, injectAll: true }

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

/** The objects that the API server would accept, as `kind/name` lines, and its errors for the others. */
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

describe.each(corpus)('$name', ({ name, path }) => {
  test.each([
    { how: 'unchanged', change: (workload: ApiObject) => workload },
    { how: 'with every subPath updated', change: withReloadNone },
  ])('is accepted once injected, $how', async ({ change }) => {
    const ns = await namespace()
    const originals = workloads(await readFile(path, 'utf8'), name).map(change)
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
