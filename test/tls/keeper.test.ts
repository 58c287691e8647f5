import { expect, test } from 'vitest'
import { keepCertificate, type ServingCertificate } from '../../src/tls/keeper.ts'

test('a certificate is used once, and again only when it differs', async () => {
  const pair = { cert: 'CERT', key: 'KEY', expires: new Date() }
  const used: string[] = []
  let reads = 0
  const stop = keepCertificate({
    source: {
      current: async () => {
        reads += 1
        return pair
      },
    },
    use: ({ cert }) => used.push(cert),
    failed: (error) => {
      throw error
    },
    times: { firstMilliseconds: 1, againMilliseconds: 1 },
  })
  await expect.poll(() => reads).toBeGreaterThan(3)
  stop()
  expect(used).toEqual([pair.cert])
})

test('a source that fails leaves the certificate in use, and is read again', async () => {
  const answers: (ServingCertificate | Error)[] = [
    new Error('not yet'),
    { cert: 'one', key: 'key', expires: new Date() },
    new Error('away'),
    { cert: 'two', key: 'key', expires: new Date() },
  ]
  const events: string[] = []
  const stop = keepCertificate({
    source: {
      async current() {
        const answer = answers.length > 1 ? answers.shift() : answers[0]
        if (answer === undefined || answer instanceof Error) throw answer
        return answer
      },
    },
    use: ({ cert }) => events.push(cert),
    failed: (error) => events.push(error instanceof Error ? error.message : 'unknown'),
    times: { firstMilliseconds: 1, againMilliseconds: 1 },
  })
  await expect.poll(() => events).toEqual(['not yet', 'one', 'away', 'two'])
  stop()
})
