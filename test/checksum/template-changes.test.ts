import { describe, expect, test } from 'vitest'
import {
  keepUnread,
  replacesPods,
  restoreDropped,
  withChecksum,
  workloadChange,
} from '../../src/checksum/template-changes.ts'
import { withAnnotations } from '../../src/policy/mirror.ts'
import { podTemplate } from '../../src/workload/pod-template.ts'
import { keys, workload } from '../support/builders.ts'

const IN = keys({ inject: 'true' })

describe('workloadChange', () => {
  const before = workload({
    own: IN,
    template: { ...keys({ inject: 'true', mirrored: 'inject', checksum: '1' }) },
  })
  const none = { keys: false, template: false, checksum: false }
  const to = (own: Record<string, string>, template: Record<string, string>, fields = {}) =>
    workloadChange(workload({ own, template, fields }), before)
  const stored = keys({ inject: 'true', mirrored: 'inject', checksum: '1' })

  test('a creation changes everything', () =>
    expect(workloadChange(before, null)).toEqual({ keys: true, template: true, checksum: true }))

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

  test('a field beside the template is no change', () =>
    expect(to(IN, stored, { replicas: 4 })).toEqual(none))
})

describe('the template’s annotations', () => {
  const template = podTemplate(workload({ template: { a: 'b' } })) ?? {}

  test('restoreDropped restores the annotations of ours that a PUT dropped, and none of the user’s', () =>
    expect(
      restoreDropped(
        { new: '1' },
        { old: '1', ...keys({ inject: 'true', signal: 'HUP', mirrored: 'inject', checksum: 'c' }) },
      ),
    ).toEqual({
      new: '1',
      ...keys({ inject: 'true', mirrored: 'inject', checksum: 'c' }),
    }))

  test('withChecksum sets, replaces or removes the checksum', () => {
    expect(withChecksum({ a: 'b' }, 'c')).toEqual({ a: 'b', ...keys({ checksum: 'c' }) })
    expect(withChecksum(keys({ checksum: 'c' }), 'd')).toEqual(keys({ checksum: 'd' }))
    expect(withChecksum(keys({ checksum: 'c' }), undefined)).toEqual({})
  })

  test('replacesPods compares everything but the checksum', () => {
    expect(replacesPods(template, undefined)).toBe(true)
    expect(replacesPods(template, withAnnotations(template, { a: 'b', ...keys({ checksum: 'c' }) }))).toBe(
      false,
    )
    expect(replacesPods(template, withAnnotations(template, { a: 'c' }))).toBe(true)
  })

  test('keepUnread keeps the checksum of a source that is still in use and could not be read', () => {
    const before = withAnnotations(
      template,
      keys({ checksum: '{"ConfigMap/a":"1","ConfigMap/b":"2","ConfigMap/c":"3"}' }),
    )
    const sources = ['a', 'b'].map((name) => ({ kind: 'ConfigMap' as const, name }))
    expect(keepUnread('{"ConfigMap/a":"9"}', before, sources)).toBe('{"ConfigMap/a":"9","ConfigMap/b":"2"}')
    expect(keepUnread(undefined, template, sources)).toBeUndefined()
  })
})
