import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isOptedIn, mirror, mirroredKeys, withAnnotations } from '../../src/policy/mirror.ts'
import { podTemplate } from '../../src/workload/pod-template.ts'
import { keys, workload } from '../support/builders.ts'

const IN = keys({ inject: 'true' })

describe('isOptedIn', () => {
  test.each<[what: string, own: object, template: object, is: boolean]>([
    ['the metadata says so', { inject: 'true' }, {}, true],
    ['the template says so', {}, { inject: 'true' }, true],
    ['the metadata says no', { inject: 'false' }, {}, false],
    ['the metadata says no, the template yes', { inject: 'false' }, { inject: 'true' }, false],
    ['only what was mirrored says so', {}, { inject: 'true', mirrored: 'inject' }, false],
    ['neither says anything', { signal: 'HUP' }, {}, false],
    ['with blanks', { inject: ' true ' }, {}, true],
  ])('%s: %s %s %s', (_, own, template, is) =>
    expect(isOptedIn(workload({ own: keys({ ...own }), template: keys({ ...template }) }))).toBe(is),
  )
})

describe('mirror', () => {
  const value = fc.constantFrom('a', 'b')
  const some = fc
    .record(
      { signal: value, 'signal.web': value, subpath: value, pause: value, 'unknown.x': value },
      { requiredKeys: [] },
    )
    .map((record) =>
      keys(Object.fromEntries(Object.entries(record).filter(([, text]) => text !== undefined))),
    )
  const foreign = fc.constantFrom({}, { 'checksum/config': 'x' }, { 'example.org/y': 'z' })

  test('taking back what was mirrored restores the template', () => {
    fc.assert(
      fc.property(some, foreign, (own, before) => {
        const { annotations } = mirror({ ...IN, ...own }, before)
        expect(mirror({}, annotations).annotations).toEqual(before)
      }),
    )
  })

  test('twice is once', () => {
    fc.assert(
      fc.property(some, some, foreign, (own, template, others) => {
        const once = mirror({ ...IN, ...own }, { ...template, ...others })
        expect(mirror({ ...IN, ...own }, once.annotations).annotations).toEqual(once.annotations)
      }),
    )
  })

  test('a key of the template that is not listed is never touched', () => {
    fc.assert(
      fc.property(some, some, (own, template) => {
        const { annotations, conflicts } = mirror({ ...IN, ...own }, template)
        expect(annotations).toMatchObject(template)
        expect(conflicts.length > 0).toBe(
          ['signal', 'signal.web', 'subpath'].some((key) => {
            const [mine, theirs] = [own[`hotreload.dev/${key}`], template[`hotreload.dev/${key}`]]
            return mine !== undefined && theirs !== undefined && mine !== theirs
          }),
        )
      }),
    )
  })

  test('a forged list takes back only what it lists', () => {
    const forged = { ...keys({ mirrored: ',signal,,../x,__proto__,', signal: 'HUP' }), 'example.org/y': 'z' }
    expect(mirroredKeys(forged).has('hotreload.dev/signal')).toBe(true)
    expect(mirror({}, forged).annotations).toEqual({ 'example.org/y': 'z' })
  })
})

test('withAnnotations gives the same object where nothing changes, and drops an empty field', () => {
  const template = podTemplate(workload({ template: { a: 'b' } })) ?? {}
  expect(withAnnotations(template, { a: 'b' })).toBe(template)
  expect(withAnnotations(template, {}).metadata).toEqual({ labels: { app: 'web' } })
})
