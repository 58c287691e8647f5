import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  changeOf,
  completed,
  isOptedIn,
  mirror,
  mirroredKeys,
  putBack,
  replacesPods,
  stamped,
  withAnnotations,
} from '../../src/checksum/template-annotations.ts'
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
    ['nobody says', { signal: 'HUP' }, {}, false],
    ['with blanks', { inject: ' true ' }, {}, true],
  ])('%s: %s %s %s', (_, own, template, is) =>
    expect(isOptedIn(keys({ ...own }), keys({ ...template }))).toBe(is),
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

  test('what was mirrored and is taken back leaves what was there before', () => {
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

  test('a list that somebody forged takes back what it lists, and nothing else', () => {
    const forged = { ...keys({ mirrored: ',signal,,../x,__proto__,', signal: 'HUP' }), 'example.org/y': 'z' }
    expect(mirroredKeys(forged).has('hotreload.dev/signal')).toBe(true)
    expect(mirror({}, forged).annotations).toEqual({ 'example.org/y': 'z' })
  })
})

describe('changeOf', () => {
  const before = workload({
    own: IN,
    template: { ...keys({ inject: 'true', mirrored: 'inject', checksum: '1' }) },
  })
  const none = { keys: false, template: false, checksum: false }
  const to = (own: Record<string, string>, template: Record<string, string>, fields = {}) =>
    changeOf(workload({ own, template, fields }), before)
  const stored = keys({ inject: 'true', mirrored: 'inject', checksum: '1' })

  test('of a new workload everything is new', () =>
    expect(changeOf(before, undefined)).toEqual({ keys: true, template: true, checksum: true }))

  test.each<[what: string, own: Record<string, string>, template: Record<string, string>, change: object]>([
    ['nothing', IN, stored, none],
    ['an annotation of others', { ...IN, x: 'y' }, stored, none],
    ['a key of ours', { ...IN, ...keys({ pause: 'true' }) }, stored, { ...none, keys: true }],
    [
      'a key of ours in the template',
      IN,
      { ...stored, ...keys({ signal: 'HUP' }) },
      { ...none, keys: true, template: true },
    ],
    ['an annotation of others in the template', IN, { ...stored, x: 'y' }, { ...none, template: true }],
    ['all of ours dropped from the template', IN, {}, none],
    ['another checksum', IN, { ...stored, ...keys({ checksum: '2' }) }, { ...none, checksum: true }],
    ['no checksum', IN, keys({ inject: 'true', mirrored: 'inject' }), none],
  ])('%s', (_, own, template, change) => expect(to(own, template)).toEqual(change))

  test('what is beside the template is none of it', () =>
    expect(to(IN, stored, { replicas: 4 })).toEqual(none))
})

describe('small steps', () => {
  const template = podTemplate(workload({ template: { a: 'b' } })) ?? {}

  test('withAnnotations gives the same object where nothing changes, and drops an empty field', () => {
    expect(withAnnotations(template, { a: 'b' })).toBe(template)
    expect(withAnnotations(template, {}).metadata).toEqual({ labels: { app: 'web' } })
  })

  test('putBack brings what a PUT dropped of ours, and nothing of the user’s', () =>
    expect(
      putBack(
        { new: '1' },
        { old: '1', ...keys({ inject: 'true', signal: 'HUP', mirrored: 'inject', checksum: 'c' }) },
      ),
    ).toEqual({
      new: '1',
      ...keys({ inject: 'true', mirrored: 'inject', checksum: 'c' }),
    }))

  test('stamped sets, replaces or removes the checksum', () => {
    expect(stamped({ a: 'b' }, 'c')).toEqual({ a: 'b', ...keys({ checksum: 'c' }) })
    expect(stamped(keys({ checksum: 'c' }), 'd')).toEqual(keys({ checksum: 'd' }))
    expect(stamped(keys({ checksum: 'c' }), undefined)).toEqual({})
  })

  test('replacesPods looks at everything but the checksum', () => {
    expect(replacesPods(template, undefined)).toBe(true)
    expect(replacesPods(template, withAnnotations(template, { a: 'b', ...keys({ checksum: 'c' }) }))).toBe(
      false,
    )
    expect(replacesPods(template, withAnnotations(template, { a: 'c' }))).toBe(true)
  })

  test('completed keeps the hash of a source that is still in use and could not be read', () => {
    const before = withAnnotations(
      template,
      keys({ checksum: '{"ConfigMap/a":"1","ConfigMap/b":"2","ConfigMap/c":"3"}' }),
    )
    const sources = ['a', 'b'].map((name) => ({ kind: 'ConfigMap' as const, name }))
    expect(completed('{"ConfigMap/a":"9"}', before, sources)).toBe('{"ConfigMap/a":"9","ConfigMap/b":"2"}')
    expect(completed(undefined, template, sources)).toBeUndefined()
  })
})
