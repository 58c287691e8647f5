import { expect, test } from 'vitest'
import { defaultCompatOptions } from '../../../src/compat/request/options.ts'
import { diffSources } from '../../../src/controller/decide/source-diff.ts'
import { usedSources } from '../../../src/controller/decide/used-sources.ts'
import { warnOfHeld, warnOfInput, warnOfReverts } from '../../../src/controller/report/warnings.ts'
import type { WorkloadParts } from '../../support/builders.ts'
import { recordReport } from '../../support/report-recorder.ts'
import { changedDiff, sourceState, summaryOf } from '../../support/summaries.ts'

function warnings(observed: 'forbidden' | 'unavailable' | undefined, parts: WorkloadParts = {}) {
  const summary = summaryOf(parts)
  const used = usedSources(summary, { native: true, compat: true, isNamespace: () => true }, () => [])
  const diff = diffSources(summary, used, {
    stateOf: () => sourceState('new', observed ? { observed } : {}),
    baseline: new Map(),
    installKey: undefined,
    compat: defaultCompatOptions,
  })
  const { report, events } = recordReport()
  const unreadable: string[] = []
  warnOfInput({ ...report, unreadable: (why, kind) => unreadable.push(`${why} ${kind}`) }, summary, diff)
  return { unreadable, events: events.map(({ reason, message }) => `${reason}: ${message}`) }
}

test('a source that may not be read: an Event with the remedy', () => {
  const { unreadable, events } = warnings('forbidden')
  expect(unreadable).toEqual(['forbidden Deployment'])
  expect(events).toEqual([
    expect.stringMatching(/^SourceNotReadable: ConfigMap web .*kubectl apply -n shop -k /),
  ])
})

test('a source of another namespace that is not shared: an Event with the remedy, whatever it holds', () => {
  const own = {
    'wave.pusher.com/update-on-config-change': 'true',
    'wave.pusher.com/extra-secrets': 'victim/db',
  }
  const { unreadable, events } = warnings(undefined, {
    own,
    template: {},
    spec: { containers: [{ name: 'app' }] },
  })
  expect(unreadable).toEqual([])
  expect(events).toEqual([
    'SourceNotShared: Secret victim/db is not shared with namespace shop, or does not exist: it needs the annotation hotreload.dev/share-with: shop',
  ])
})

test('a source that can’t be read now is tried again: only a metric', () =>
  expect(warnings('unavailable')).toEqual({ unreadable: ['unavailable Deployment'], events: [] }))

test('an annotation that is not understood: an Event with its problem', () => {
  const { events } = warnings(undefined, { own: { 'reloader.stakater.com/auto': 'yes' } })
  expect(events).toEqual([expect.stringMatching(/^AnnotationNotUnderstood: reloader\.stakater\.com\/auto/)])
})

test('nothing to warn of: no Event', () =>
  expect(warnings(undefined)).toEqual({ unreadable: [], events: [] }))

test('reverted checksums: an Event that names the page', () => {
  const { report, events } = recordReport()
  warnOfReverts(report, summaryOf())
  expect(events).toMatchObject([
    { reason: 'ChecksumReverted', message: expect.stringContaining('docs/gitops.md') },
  ])
})

test('a rollout that waits for a gate: an Event with the remedy', () => {
  const { report, events } = recordReport()
  const summary = summaryOf()
  warnOfHeld(report, summary, changedDiff(summary))
  expect(events).toMatchObject([
    {
      reason: 'RolloutHeld',
      message:
        'mend what changed, or hotreload approve Deployment/web: a gate holds it back, so no new Pods come for ConfigMap web',
    },
  ])
})
