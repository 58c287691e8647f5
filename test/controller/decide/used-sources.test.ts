import { expect, test } from 'vitest'
import { allUses, usedSources } from '../../../src/controller/decide/used-sources.ts'
import { keys } from '../../support/builders.ts'
import { summaryOf } from '../../support/summaries.ts'

const everywhere = { native: true, compat: true, isNamespace: () => true }
const names = () => []
const namesOf = (uses: readonly { name: string }[]) => uses.map(({ name }) => name)

test('sources are for rollouts, or are reloaded in place, as the plan says', () => {
  const rollout = usedSources(summaryOf(), everywhere, names)
  expect([namesOf(rollout.rollout), namesOf(rollout.inPlace)]).toEqual([['web'], []])
  const summary = summaryOf({ template: keys({ inject: 'true', signal: 'SIGHUP' }) })
  const inPlace = usedSources(summary, everywhere, names)
  expect([namesOf(inPlace.rollout), namesOf(inPlace.inPlace)]).toEqual([[], ['web']])
})

test('annotations do not count outside their scope', () => {
  const own = { 'reloader.stakater.com/auto': 'true' }
  const uses = (native: boolean, compat: boolean, template = keys({ inject: 'true' })) =>
    namesOf(allUses(usedSources(summaryOf({ own, template }), { ...everywhere, native, compat }, names)))
  expect([uses(false, false), uses(true, false), uses(false, true, {})]).toEqual([[], ['web'], ['web']])
})

test('another tool adds a rollout for a source of ours only where its annotation names it', () => {
  const compat = (own: Record<string, string>) =>
    usedSources(summaryOf({ own }), everywhere, names).compat.map(({ use }) => use.name)
  expect(compat({ 'reloader.stakater.com/auto': 'true' })).toEqual([])
  expect(compat({ 'configmap.reloader.stakater.com/reload': 'web' })).toEqual(['web'])
})
