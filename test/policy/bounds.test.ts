import { readFileSync } from 'node:fs'
import type { V1PodSpec, V1VolumeMount } from '@kubernetes/client-node'
import { describe, expect, test } from 'vitest'
import { injectPod } from '../../src/inject/pod.ts'
import { classifyReferences } from '../../src/policy/classify-references.ts'
import { builtInDefaults } from '../../src/policy/defaults.ts'
import { readPolicy } from '../../src/policy/policy.ts'
import { readPod, readWorkload } from '../../src/policy/read-workload.ts'
import * as bounds from '../../src/policy/values/bounds.ts'
import { usedKeys } from '../../src/workload/checksum.ts'
import type { ApiObject } from '../../src/workload/pod-template.ts'
import { MOUNTED_PARTS, references } from '../../src/workload/references.ts'
import { AGENT_IMAGE, decisionFor, keys, nginx, podSpec } from '../support/builders.ts'
import {
  asked,
  container,
  envFrom,
  item,
  nastyObjects,
  subPath,
  times,
  watchers,
  withMounts,
} from '../support/nasty-objects.ts'

/** Everything that hotreload computes for an object on its own, as the webhooks and the controller do. */
function read(object: ApiObject) {
  const reading = readWorkload(object, builtInDefaults)
  const { rollout, inPlace } = classifyReferences(reading.plan)
  const used = [...usedKeys(rollout), ...usedKeys(inPlace)]
  const { plan, warnings } = readPod(reading.template, builtInDefaults, false)
  const injected = plan && injectPod(reading.template, plan, { agentImage: AGENT_IMAGE, version: '0.0.0' })
  return { reading, used, warnings, injected }
}

/** Milliseconds of this thread's work: other processes and the garbage collector's threads don't count. */
function cost(object: ApiObject): number {
  const before = process.threadCpuUsage()
  read(object)
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1000
}

const least = (runs: number, object: ApiObject): number => Math.min(...times(runs, () => cost(object)))

describe('an object of the largest size', () => {
  test.each(nastyObjects)('%s: is read in linear time', (_, largest, make) => {
    const tenth = least(3, make(Math.floor(largest / 10)))
    const object = make(largest)
    // Ten-fold, with room for what is not in a processor's cache any more; a quadratic algorithm takes a hundred-fold.
    const bound = 35 * Math.max(tenth, 3)
    const once = cost(object)
    expect(once < bound ? once : least(3, object)).toBeLessThan(bound)
  })

  test.each(nastyObjects)('%s: few sentences, and a short status', (_, largest, make) => {
    const { reading, warnings, injected } = read(make(largest))
    const mistakes = reading.problems.map(({ message }) => message)
    for (const sentences of [warnings, reading.unknown, reading.notes, mistakes]) {
      expect(sentences.length).toBeLessThanOrEqual(2 * bounds.NOTES)
      expect(sentences.map((one) => one.length).filter((length) => length > 5000)).toEqual([])
    }
    const status = injected?.metadata?.annotations?.['hotreload.dev/status'] ?? ''
    expect(status.length).toBeLessThanOrEqual(bounds.STATUS_LENGTH)
  })
})

const messagesOf = (own: Record<string, string>) =>
  readPolicy(own, builtInDefaults).problems.map(({ message }) => message)

describe('what is over a bound is named', () => {
  test('a long value is a mistake, and no parser reads it', () => {
    expect(messagesOf(keys({ command: 'x'.repeat(bounds.VALUE_LENGTH) }))).toEqual([])
    expect(messagesOf(keys({ command: 'x'.repeat(bounds.VALUE_LENGTH + 1) }))).toEqual([
      `hotreload.dev/command: "${'x'.repeat(57)}…" has 4097 characters; use 4096 at most [HR_TOO_LONG]`,
    ])
  })

  test('after many mistakes the rest is not read', () => {
    const own = keys(Object.fromEntries(times(40, (at) => [`reload.c${at}`, 'x'])))
    const messages = messagesOf(own)
    expect(messages).toHaveLength(bounds.MISTAKES + 1)
    expect(messages.at(-1)).toMatch(
      /^after 20 mistakes hotreload does not read the other annotations: hotreload\.dev\/reload\.c20, .* and 10 more; correct these mistakes first \[HR_MANY_MISTAKES\]$/,
    )
  })

  test('of many unknown annotations the first have a sentence, and the others a number', () => {
    const own = keys(Object.fromEntries(times(30, (at) => [`singal${at}`, 'x'])))
    const { warnings } = readPolicy(own, builtInDefaults)
    expect(warnings).toHaveLength(bounds.MISTAKES + 1)
    expect(warnings[0]).toContain('did you mean hotreload.dev/signal?')
    expect(warnings.at(-1)).toBe('10 more unknown annotations')
  })

  test('of many unknown names some have an error, and each error some known names', () => {
    const spec = podSpec({ containers: times(12, container) })
    const { messages } = decisionFor(spec, { container: times(8, (at) => `x${at}`).join() })
    expect(messages).toHaveLength(bounds.UNKNOWN_NAMES + 1)
    const known = 'it has c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 and 2 more [HR_UNKNOWN_NAME]'
    expect(messages[0]).toBe(`hotreload.dev/container: the Pod has no container x0; ${known}`)
    expect(messages.at(-1)).toBe(
      `hotreload.dev/container: the Pod has no container x5, and 2 more names fit none; ${known}`,
    )
  })

  test('subPath mounts over the bound stay as they are', () => {
    const { plan, notes } = decisionFor(withMounts(times(bounds.REWRITES + 70, subPath)))
    const modes = plan.containers[0]?.subPaths.map(({ mode }) => mode) ?? []
    expect(modes.filter((mode) => mode === 'symlink')).toHaveLength(bounds.REWRITES)
    expect(modes.filter((mode) => mode === 'keep')).toHaveLength(70)
    expect(notes[0]).toBe(
      'container web: subPath mount /etc/app/256.conf is not updated in place: hotreload updates 256 of a container at most',
    )
    expect(notes.at(-1)).toBe('container web: 6 more subPath mounts are not updated in place')
    expect(notes).toHaveLength(bounds.NOTES + 1)
    const { rollout, inPlace } = classifyReferences(plan)
    expect([rollout.length, inPlace.length]).toEqual([70, bounds.REWRITES])
  })

  test.each<[what: string, spec: V1PodSpec, note: string]>([
    [
      'containers',
      podSpec({ containers: times(bounds.CONTAINERS + 1, container) }),
      '65 containers have something to reload, and hotreload serves 64 of a Pod at most; changes roll out',
    ],
    [
      'items',
      podSpec({
        volumes: [{ name: 'conf', configMap: { name: 'web', items: times(bounds.VOLUME_PARTS, item) } }],
      }),
      'the watched volumes have 1026 sources and items, and hotreload watches 1024 in a Pod at most; changes roll out',
    ],
    [
      'mounts',
      withMounts(times(bounds.MOUNTS + 1, (at) => ({ name: 'conf', mountPath: `/${at}` }))),
      'its containers have 4097 mounts, and hotreload reads 4096 of a Pod at most; changes roll out',
    ],
    [
      'sources of volumes that all containers mount',
      watchers(300),
      'its containers together watch 38464 sources and items, and hotreload watches 2048 in a Pod at most; changes roll out',
    ],
    [
      'sources of variables in all containers',
      podSpec({ containers: times(10, (at) => nginx({ name: `c${at}`, envFrom: times(210, envFrom) })) }),
      'its containers together watch 2120 sources and items, and hotreload watches 2048 in a Pod at most; changes roll out',
    ],
  ])('a Pod with too many %s rolls out', (_, spec, note) => {
    const { plan, skip, notes } = decisionFor(spec, { env: 'restart' })
    expect(skip).toBe('nothingToWatch')
    expect(notes).toEqual([note])
    const { rollout, inPlace } = classifyReferences(plan)
    expect(inPlace).toEqual([])
    expect(rollout.length).toBeGreaterThan(0)
  })

  test('a container with variables from too many sources rolls out', () => {
    const envFrom = times(bounds.REWRITES + 1, (at) => ({ configMapRef: { name: `c${at}` } }))
    const { plan, notes } = decisionFor(podSpec({ containers: [nginx({ envFrom })] }), { env: 'restart' })
    expect(notes).toEqual([
      'container web: its variables have 257 sources, and hotreload watches 256 at most; changes roll out',
    ])
    expect(classifyReferences(plan).rollout).toHaveLength(257)
  })

  test('mounts that are not followed are named', () => {
    const sources = times(300, (at) => ({ configMap: { name: `c${at}` } }))
    const spec = {
      ...withMounts(times(200, (at) => ({ name: 'conf', mountPath: `/${at}` }))),
      volumes: [{ name: 'conf', projected: { sources } }],
    }
    expect(decisionFor(spec).notes).toEqual([
      'the Pod mounts more than hotreload follows, so changes of the last mounts have no effect: https://github.com/hotreload/hotreload/blob/main/docs/limits.md',
    ])
    expect(references(spec).length).toBeLessThan(MOUNTED_PARTS)
    expect(decisionFor(podSpec()).notes).toEqual([])
  })

  test('a long status is replaced by a short one', () => {
    const long = (at: number): V1VolumeMount => ({ ...subPath(at), mountPath: `/${'x'.repeat(400)}/${at}` })
    const { injected } = read(asked(withMounts(times(200, long)), keys({ inject: 'true', subpath: 'copy' })))
    expect(JSON.parse(injected?.metadata?.annotations?.['hotreload.dev/status'] ?? '')).toEqual({
      version: '0.0.0',
      containers: { web: { reload: 'signal', chosenBy: 'preset nginx', agent: 'hotreload-agent' } },
      notes: ['the whole status is too long for an annotation; `hotreload explain` shows it'],
    })
  })
})

test('docs/limits.md has every bound', () => {
  const [, section = ''] = /## Bounds\n([^]*)/.exec(readFileSync('docs/limits.md', 'utf8')) ?? []
  const documented = new Set(section.replaceAll(',', '').match(/\d+/g))
  for (const bound of [...Object.values(bounds), MOUNTED_PARTS].filter((one) => typeof one === 'number'))
    expect(documented).toContain(String(bound))
})
