/** The golden files are the test table of injection: test/golden/README.md. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { workloadHandler } from '../src/admission/workload-handler.ts'
import { injectManifests } from '../src/cli/inject.ts'
import { builtInDefaults } from '../src/policy/defaults.ts'
import { mirror, withAnnotations } from '../src/policy/mirror.ts'
import { type ApiObject, podTemplate } from '../src/workload/pod-template.ts'
import { AGENT_IMAGE, pods, readerOf, submit } from './support/builders.ts'

const FOLDER = join(import.meta.dirname, 'golden')
const files = readdirSync(FOLDER).filter((file) => file.endsWith('.yaml'))
const inputs = files
  .filter((file) => !file.endsWith('.expected.yaml'))
  .map((file) => file.replace(/\.yaml$/, ''))

const options = { agentImage: AGENT_IMAGE, version: '0.0.0', defaults: builtInDefaults, injectAll: false }
const inputOf = (name: string) => readFileSync(join(FOLDER, `${name}.yaml`), 'utf8')
const injected = (stream: string) => injectManifests(stream, 'f.yaml', options)

/** Every object of a stream, also those in Lists. */
const objectsIn = (stream: string): ApiObject[] =>
  parseAllDocuments(stream, { version: '1.1' }).flatMap((document) => {
    const object = document.toJS() as ApiObject | null
    const items = object?.kind === 'List' && Array.isArray(object.items) ? object.items : undefined
    return items ? (items as ApiObject[]) : object ? [object] : []
  })

describe.each(inputs)('%s', (name) => {
  test('injection gives the expected manifest', async () => {
    const { manifests, notes, problems } = injected(inputOf(name))
    const comments = [
      ...notes.map((note) => `# ${note}\n`),
      ...problems.map((problem) => `# refused: ${problem}\n`),
    ]
    await expect(comments.join('') + manifests).toMatchFileSnapshot(join(FOLDER, `${name}.expected.yaml`))
  })

  test('a second injection changes nothing', () => {
    const once = injected(inputOf(name)).manifests
    const twice = injected(once)
    expect(twice.manifests).toBe(once)
    expect(twice.problems).toEqual(injected(inputOf(name)).problems)
  })

  test('the Pod webhook injects its Pods in the same way', async () => {
    const [before, after] = [inputOf(name), injected(inputOf(name)).manifests].map(objectsIn)
    for (const [index, object] of (before ?? []).entries()) {
      const template = podTemplate(object)
      // The webhook leaves the mounts of a bare Pod, because it can't rewrite the Pod's manifest: test/inject/pod.test.ts.
      if (!template || object.kind === 'Pod') continue
      const { annotations } = mirror(object.metadata?.annotations ?? {}, template.metadata?.annotations ?? {})
      const { metadata, spec } = withAnnotations(template, annotations)
      const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'x', uid: '1', controller: true }
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, ownerReferences: [owner] }, spec }
      const { object: made, allowed } = await submit(pods(), pod)
      expect(allowed).toBe(true)
      const expected = podTemplate(after?.[index] ?? {})
      expect(made['spec']).toEqual(expected?.spec)
      const status = 'hotreload.dev/status'
      expect(made.metadata?.annotations?.[status]).toEqual(expected?.metadata?.annotations?.[status])
    }
  })

  test('the workload webhook allows the output of `hotreload inject` exactly if it allows the input', async () => {
    const handler = workloadHandler({
      defaults: () => builtInDefaults,
      reader: readerOf({}),
      installKey: () => undefined,
    })
    const [before, after] = [inputOf(name), injected(inputOf(name)).manifests].map(objectsIn)
    const isAllowed = async (object: ApiObject) => (await submit(handler, object)).allowed
    for (const [index, object] of (before ?? []).entries())
      expect(await isAllowed(after?.[index] ?? {})).toBe(await isAllowed(object))
  })
})

test('every expected file has an input', () => {
  const stale = files
    .filter((file) => file.endsWith('.expected.yaml'))
    .filter((file) => !existsSync(join(FOLDER, file.replace('.expected.yaml', '.yaml'))))
  expect(stale).toEqual([])
})
