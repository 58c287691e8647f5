import { beforeAll, describe, expect, test } from 'vitest'
import { type Certificate, parseCertificate } from '../../src/tls/certificates.ts'
import { BACKDATED_MILLISECONDS, issueAuthority, issueServing } from '../../src/tls/issue.ts'
import { decideAuthority, decideServing, OVERLAP_MILLISECONDS, renewalDue } from '../../src/tls/rotation.ts'

const DAY = 86_400_000
const start = new Date('2026-01-01T00:00:00Z')
const after = (milliseconds: number) => new Date(start.getTime() + milliseconds)
const names = ['hotreload.hotreload-system.svc'] as const

let old: Certificate
let young: Certificate
let ofOld: Certificate
let ofYoung: Certificate
let ofNeither: Certificate

function parsed(pem: string): Certificate {
  const certificate = parseCertificate(pem)
  if (certificate === undefined) throw new Error('not a certificate')
  return certificate
}

beforeAll(async () => {
  const [oldPair, youngPair, other] = await Promise.all([start, after(244 * DAY), start].map(issueAuthority))
  if (oldPair === undefined || youngPair === undefined || other === undefined)
    throw new Error('no authorities')
  old = parsed(oldPair.cert)
  young = parsed(youngPair.cert)
  ofOld = parsed((await issueServing(oldPair, names, after(200 * DAY))).cert)
  ofYoung = parsed((await issueServing(youngPair, names, after(245 * DAY))).cert)
  ofNeither = parsed((await issueServing(other, names, after(200 * DAY))).cert)
})

test.each([
  [0, false],
  [59.9, false],
  [60, true],
  [90, true],
  [-1_000, false],
])('a life of 90 days is renewed at two thirds: %d days after its start: %s', (days, due) => {
  const life = { notBefore: start, notAfter: after(90 * DAY) }
  expect(renewalDue(life, after(days * DAY))).toBe(due)
})

describe('the authority', () => {
  test('none stored: absent', () =>
    expect(decideAuthority(undefined, start)).toEqual({ reason: 'absent', keep: [] }))

  test('in its first two thirds: good', () => {
    expect(decideAuthority({ signer: old, bundle: [old] }, after(240 * DAY))).toEqual({ reason: 'good' })
  })

  test('after two thirds: a new one, the old one stays trusted', () => {
    expect(decideAuthority({ signer: old, bundle: [old] }, after(244 * DAY))).toEqual({
      reason: 'ending',
      keep: [old],
    })
  })

  test('an expired authority is not kept', () => {
    const decision = decideAuthority({ signer: young, bundle: [young, old] }, after((244 + 244) * DAY))
    expect(decision).toEqual({ reason: 'ending', keep: [young] })
  })

  test.each([
    ['a signer that can not be read', () => ({ signer: undefined, bundle: [old] })],
    ['a signer that its bundle lacks', () => ({ signer: young, bundle: [old] })],
  ])('%s: damaged, the trusted ones stay trusted', (_what, stored) => {
    expect(decideAuthority(stored(), after(DAY))).toEqual({ reason: 'damaged', keep: [old] })
  })

  test('not valid yet: a new one, which a clock that is ahead takes for good, so that two replicas do not replace it in turn', () => {
    expect(decideAuthority({ signer: young, bundle: [young, old] }, after(240 * DAY))).toEqual({
      reason: 'early',
      keep: [young, old],
    })
    expect(decideAuthority({ signer: old, bundle: [old, young] }, after(240 * DAY))).toEqual({
      reason: 'good',
    })
  })
})

const settled = () => after(244 * DAY + OVERLAP_MILLISECONDS)
const state = () => ({ serving: ofOld, signer: old, bundle: [old], published: true, names })
const overlapping = () => ({ ...state(), signer: young, bundle: [young, old] })

describe('the serving certificate', () => {
  test.each([
    ['in its first two thirds', state, () => after(230 * DAY), 'good'],
    ['none', () => ({ ...state(), serving: undefined }), () => start, 'absent'],
    ['after two thirds', state, () => after(261 * DAY), 'ending'],
    [
      'for other names',
      () => ({ ...state(), names: ['other.svc'] as const }),
      () => after(210 * DAY),
      'otherNames',
    ],
    ['that is not valid yet', state, () => after(198 * DAY), 'early'],
    [
      'signed by an authority that is not trusted',
      () => ({ ...state(), serving: ofNeither }),
      () => after(210 * DAY),
      'untrusted',
    ],
    ['of the old authority, the new one just issued', overlapping, () => after(244 * DAY), 'good'],
    ['of the old authority, the new one settled', overlapping, settled, 'otherAuthority'],
    [
      'the new one settled but not published',
      () => ({ ...overlapping(), published: false }),
      settled,
      'good',
    ],
    ['of the new authority', () => ({ ...overlapping(), serving: ofYoung }), () => after(250 * DAY), 'good'],
    [
      'expired, and nothing is published',
      () => ({ ...state(), published: false }),
      () => after(291 * DAY),
      'ending',
    ],
    [
      'ending, and nothing is published',
      () => ({ ...state(), published: false }),
      () => after(270 * DAY),
      'good',
    ],
  ])('%s', (_what, given, now, reason) => expect(decideServing(given(), now())).toBe(reason))
})

test('a certificate starts a day before its issue, for clocks that are behind', () => {
  expect(old.notBefore).toEqual(after(-BACKDATED_MILLISECONDS))
  expect(BACKDATED_MILLISECONDS).toBe(DAY)
})
