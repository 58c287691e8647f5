// Real manifests (test/support/corpus.ts) through `inject`, as they are and with every subPath to be made live.
import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import type { V1PodSpec } from '@kubernetes/client-node'
import jsonpatch from 'fast-json-patch'
import { describe, expect, test } from 'vitest'
import { patchBetween } from '../src/admission/patch.ts'
import { injectManifests, injectObject } from '../src/cli/inject.ts'
import { mapObjects } from '../src/cli/shared/manifest.ts'
import { builtInDefaults } from '../src/policy/defaults.ts'
import { type ApiObject, podTemplate } from '../src/workload/pod-template.ts'
import { isConfigVolume } from '../src/workload/references.ts'
import { AGENT_IMAGE } from './support/builders.ts'
import { corpus, withNone } from './support/corpus.ts'

const options = { agentImage: AGENT_IMAGE, version: '0.0.0', defaults: builtInDefaults, injectAll: true }

const specOf = (object: ApiObject): V1PodSpec => podTemplate(object)?.spec ?? { containers: [] }

/** `container mountPath` of each subPath mount of a ConfigMap or Secret in a container. */
function configSubPaths(spec: V1PodSpec): { container: string; mountPath: string }[] {
  const volumes = new Map((spec.volumes ?? []).map((volume) => [volume.name, volume]))
  return spec.containers.flatMap(({ name, volumeMounts }) =>
    // Templating leaves fields that are null.
    (volumeMounts ?? [])
      .filter((mount) => mount.subPath || mount.subPathExpr)
      .filter((mount) => {
        const volume = volumes.get(mount.name)
        return volume !== undefined && isConfigVolume(volume)
      })
      .map(({ mountPath }) => ({ container: name, mountPath })),
  )
}

/** The first line in which two texts differ: a whole manifest's difference would take minutes to show. */
function firstDifference(a: string, b: string): string | undefined {
  if (a === b) return undefined
  const [left, right] = [a.split('\n'), b.split('\n')]
  const at = left.findIndex((line, index) => line !== right[index])
  return `line ${at + 1}: ${left[at]} | ${right[at]}`
}

const statusOf = (object: ApiObject) =>
  JSON.parse(podTemplate(object)?.metadata?.annotations?.['hotreload.dev/status'] ?? '{"containers":{}}')

interface Injected {
  before: ApiObject
  after: ApiObject
  notes: string[]
  problems: string[]
}

/** A stream injected, and what became of each of its objects. Reading YAML is what takes time here, so it is done once. */
function injectedStream(stream: string, file: string, prepare: (object: ApiObject) => ApiObject) {
  const objects: Injected[] = []
  const output = mapObjects(stream, file, (object) => {
    const before = prepare(object)
    const { object: after, notes, problems } = injectObject(before, options)
    objects.push({ before, after, notes, problems })
    return after
  })
  return { output, objects }
}

/** Whether a reason is given why this mount does not update. */
function isNamed({ after, notes }: Injected, container: string, mountPath: string): boolean {
  const reasons: string[] = [...notes, ...(statusOf(after).containers[container]?.notes ?? [])]
  return reasons.some(
    (reason) =>
      reason.includes(mountPath) ||
      reason.startsWith(`container ${container}: no known way`) ||
      reason.startsWith('not injected: '),
  )
}

test('the corpus is there', () => expect(corpus.length).toBeGreaterThan(20))

describe.each(corpus)('$name', ({ name: file, path }) => {
  const stream = readFileSync(path, 'utf8')

  describe.each<[what: string, prepare: (object: ApiObject) => ApiObject]>([
    ['as it is', (object) => object],
    ['with reload: none', withNone],
  ])('%s', (_, prepare) => {
    const { output, objects } = injectedStream(stream, file, prepare)

    test('is injected without a mistake', () =>
      expect(objects.flatMap(({ problems }) => problems)).toEqual([]))

    test('injected twice is injected once, and reads as what it says', () => {
      const again = injectedStream(output, file, (object) => object)
      expect(firstDifference(again.output, output)).toBeUndefined()
      for (const [index, { before, after }] of again.objects.entries()) {
        expect(after).toBe(before)
        const isSame = isDeepStrictEqual(before, objects[index]?.after)
        expect(isSame, `${before.kind} ${before.metadata?.name}`).toBe(true)
      }
    })

    test('every subPath of a ConfigMap or Secret is live, or named with its reason', () => {
      const silent: string[] = []
      for (const one of objects) {
        const left = configSubPaths(specOf(one.after))
        for (const { container, mountPath } of configSubPaths(specOf(one.before))) {
          const isLeft = left.some((mount) => mount.container === container && mount.mountPath === mountPath)
          if (isLeft && !isNamed(one, container, mountPath)) silent.push(`${container} ${mountPath}`)
        }
      }
      expect(silent).toEqual([])
    })

    test('the patch of every Pod leads from what was received to what is wished', () => {
      for (const { before: object } of objects) {
        const template = podTemplate(object)
        if (!template) continue
        const before: ApiObject = { ...template, kind: 'Pod' }
        const after = injectObject(before, options).object
        const patch = patchBetween(before, after)
        const { newDocument } = jsonpatch.applyPatch(structuredClone(before), patch)
        expect(isDeepStrictEqual(newDocument, after), object.metadata?.name).toBe(true)
      }
    })
  })

  test('documents that are not injected stay byte for byte', () => {
    const separator = /^---[ \t]*(?:#[^\n]*)?\r?$/m
    const before = stream.split(separator)
    const after = injectManifests(stream, file, options).manifests.split(separator)
    expect(after).toHaveLength(before.length)
    for (const [index, text] of after.entries())
      if (!text.includes('hotreload')) expect(firstDifference(text, before[index] ?? '')).toBeUndefined()
  })
})
