// Whether a rollout waits for the gates of its workload.
import { expect, test } from 'vitest'
import { type GateVerdict, gatedSources, gateWait } from '../../../src/controller/decide/gate-verdict.ts'
import { decisionFor, nginx, podSpec } from '../../support/builders.ts'

const native = { gated: new Set(['ConfigMap/web']), bake: 30 }
const CHANGED_AT = 100_000
const verdict = (change: Partial<GateVerdict> = {}): GateVerdict => ({
  at: CHANGED_AT,
  held: new Set(),
  isUndecided: false,
  ...change,
})
const held = { held: new Set(['ConfigMap/web']) }
/** A minute, and the trial. */
const UNTIL = CHANGED_AT + 90_000

test.each<[string, GateVerdict | undefined, unknown]>([
  ['goes on where the gates have published all', verdict(), undefined],
  ['waits where one holds the change back', verdict(held), 'held'],
  [
    'does not wait for another source that is held',
    verdict({ held: new Set(['ConfigMap/other']) }),
    undefined,
  ],
  ['waits for gates that have not judged it', verdict({ isUndecided: true }), UNTIL],
  ['waits where nobody was asked since the change', verdict({ ...held, at: CHANGED_AT - 1 }), UNTIL],
  ['waits where nobody was asked', undefined, UNTIL],
])('a rollout %s', (_, of, expected) => {
  expect(gateWait(['ConfigMap/web', 'Secret/tls'], native, of, CHANGED_AT)).toBe(expected)
  expect(gateWait(['Secret/tls'], native, of, CHANGED_AT)).toBeUndefined()
})

test('the sources of gated volumes count, and no others', () => {
  const volumeMounts = ['conf', 'tls'].map((name) => ({ name, mountPath: `/etc/nginx/${name}` }))
  const volumes = [
    { name: 'conf', configMap: { name: 'web' } },
    { name: 'tls', secret: { secretName: 'tls' } },
  ]
  const spec = podSpec({ containers: [nginx({ volumeMounts })], volumes })
  const of = (short: Record<string, string>) => [...gatedSources(decisionFor(spec, short).plan)]
  expect(of({ gate: 'strict', validate: 'nginx -t' })).toEqual(['ConfigMap/web'])
  expect(of({})).toEqual([])
})
