// Injects real manifests (test/support/corpus.ts), unchanged and with `reload: none`, which needs every subPath updated.
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
import { corpus, withReloadNone } from './support/corpus.ts'

const options = { agentImage: AGENT_IMAGE, version: '0.0.0', defaults: builtInDefaults, injectAll: true }

const specOf = (object: ApiObject): V1PodSpec => podTemplate(object)?.spec ?? { containers: [] }

/** `container mountPath` of each subPath mount of a ConfigMap or Secret in a container. */
function configSubPaths(spec: V1PodSpec): { container: string; mountPath: string }[] {
  const volumes = new Map((spec.volumes ?? []).map((volume) => [volume.name, volume]))
  return spec.containers.flatMap(({ name, volumeMounts }) =>
    // Templates of charts leave fields that are null.
    (volumeMounts ?? [])
      .filter((mount) => mount.subPath || mount.subPathExpr)
      .filter((mount) => {
        const volume = volumes.get(mount.name)
        return volume !== undefined && isConfigVolume(volume)
      })
      .map(({ mountPath }) => ({ container: name, mountPath })),
  )
}

/** The first line in which two texts differ. The test runner would take minutes to show the difference of whole manifests. */
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

/** Injects a stream, and records each of its objects. Reading YAML takes most of the time, so it happens once. */
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

/** Whether a note gives the reason why a mount does not update. */
function isExplained({ after, notes }: Injected, container: string, mountPath: string): boolean {
  const reasons: string[] = [...notes, ...(statusOf(after).containers[container]?.notes ?? [])]
  return reasons.some(
    (reason) =>
      reason.includes(mountPath) ||
      reason.startsWith(`container ${container}: set hotreload.dev/preset`) ||
      reason.startsWith('not injected: '),
  )
}

test('the corpus has manifests', () => expect(corpus.length).toBeGreaterThan(20))

describe.each(corpus)('$name', ({ name: file, path }) => {
  const stream = readFileSync(path, 'utf8')

  describe.each<[what: string, prepare: (object: ApiObject) => ApiObject]>([
    ['unchanged', (object) => object],
    ['with reload: none', withReloadNone],
  ])('%s', (_, prepare) => {
    const { output, objects } = injectedStream(stream, file, prepare)

    test('injection finds no mistake', () => expect(objects.flatMap(({ problems }) => problems)).toEqual([]))

    test('a second injection changes nothing, and the output reads back as the injected objects', () => {
      const again = injectedStream(output, file, (object) => object)
      expect(firstDifference(again.output, output)).toBeUndefined()
      for (const [index, { before, after }] of again.objects.entries()) {
        expect(after).toBe(before)
        const isSame = isDeepStrictEqual(before, objects[index]?.after)
        expect(isSame, `${before.kind} ${before.metadata?.name}`).toBe(true)
      }
    })

    test('every subPath of a ConfigMap or Secret is updated, or a note gives the reason', () => {
      const unexplained: string[] = []
      for (const one of objects) {
        const left = configSubPaths(specOf(one.after))
        for (const { container, mountPath } of configSubPaths(specOf(one.before))) {
          const isLeft = left.some((mount) => mount.container === container && mount.mountPath === mountPath)
          if (isLeft && !isExplained(one, container, mountPath)) unexplained.push(`${container} ${mountPath}`)
        }
      }
      expect(unexplained).toEqual([])
    })

    test('the patch of every Pod turns the received Pod into the injected one', () => {
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

  test('documents without injection stay byte for byte', () => {
    const separator = /^---[ \t]*(?:#[^\n]*)?\r?$/m
    const before = stream.split(separator)
    const after = injectManifests(stream, file, options).manifests.split(separator)
    expect(after).toHaveLength(before.length)
    for (const [index, text] of after.entries())
      if (!text.includes('hotreload')) expect(firstDifference(text, before[index] ?? '')).toBeUndefined()
  })
})
