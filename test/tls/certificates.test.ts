import { beforeAll, expect, test } from 'vitest'
import { parseBundle, parseCertificate, parsePair } from '../../src/tls/certificates.ts'
import { issueAuthority, issueServing, type KeyPair } from '../../src/tls/issue.ts'

let authority: KeyPair
let serving: KeyPair
beforeAll(async () => {
  authority = await issueAuthority(new Date())
  serving = await issueServing(authority, ['Hotreload.svc', 'other.svc'], new Date())
})

test('a bundle has every certificate that parses, in order', () => {
  const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'
  const bundle = parseBundle(`# edited by hand\n${authority.cert}\n${broken}\n${serving.cert}`)
  expect(bundle.map(({ pem }) => pem.trim())).toEqual([authority.cert.trim(), serving.cert.trim()])
  expect(parseBundle('')).toEqual([])
})

test('a certificate has its DNS names in lower case, and knows its authority', () => {
  const [certificate, signer] = [parseCertificate(serving.cert), parseCertificate(authority.cert)]
  expect(certificate?.names).toEqual(['hotreload.svc', 'other.svc'])
  expect(certificate && signer && certificate.signedBy(signer)).toBe(true)
  expect(certificate?.signedBy(certificate)).toBe(false)
})

test.each([
  ['its own key', () => serving, true],
  ['another key', () => ({ cert: serving.cert, key: authority.key }), false],
  ['no key', () => ({ cert: serving.cert }), false],
  ['a broken key', () => ({ cert: serving.cert, key: 'PEM' }), false],
  ['no certificate', () => ({ key: serving.key }), false],
])('a pair with %s', (_, pair, isValid) => expect(parsePair(pair()) !== undefined).toBe(isValid))
