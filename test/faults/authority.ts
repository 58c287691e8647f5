// The certificates of an install without cert-manager, renewed as tls/rotation.ts does it, without its five minutes between two steps.
import { issueAuthority } from '../../src/tls/issue.ts'
import { AUTHORITY_SECRET, SERVING_SECRET } from '../../src/tls/own-authority.ts'
import { OVERLAP_MILLISECONDS } from '../../src/tls/rotation.ts'
import { pause } from '../cluster/run.ts'
import { system } from '../support/install.ts'
import { kubectl } from '../support/kubectl.ts'
import { until } from '../support/until.ts'
import type { WebhookConfiguration } from '../support/webhook.ts'

/** Until every replica has read the Secrets again (tls/keeper.ts), and every API server has the caBundle. */
const NOTICED_MS = 12_000

const fieldOf = async (secret: string, key: string): Promise<string> => {
  const path = `--output=jsonpath={.data.${key.replaceAll('.', String.raw`\.`)}}`
  return Buffer.from(await kubectl(['get', 'secret', secret, path, ...system]), 'base64').toString()
}

async function write(secret: string, stringData: Record<string, string>): Promise<void> {
  await kubectl(['patch', 'secret', secret, `--patch=${JSON.stringify({ stringData })}`, ...system])
}

/** A new serving certificate of the same authority. */
export async function renewServing(): Promise<void> {
  const before = await fieldOf(SERVING_SECRET, 'tls.crt')
  await kubectl(['delete', 'secret', SERVING_SECRET, ...system])
  await until('a new certificate is issued', async () => {
    const now = await fieldOf(SERVING_SECRET, 'tls.crt')
    return now !== '' && now !== before
  })
  await pause(NOTICED_MS)
}

/** What the API server trusts, of each entry. */
async function trusted(): Promise<string[]> {
  const found = await kubectl(['get', 'mutatingwebhookconfiguration', 'hotreload', '--output=json'])
  const { webhooks }: WebhookConfiguration = JSON.parse(found)
  return webhooks.map(({ clientConfig }) => Buffer.from(clientConfig.caBundle ?? '', 'base64').toString())
}

/** Somebody deletes the authority: the certificate in use stays trusted beside the new one. */
export async function loseAuthority(): Promise<void> {
  const [before = ''] = await trusted()
  await kubectl(['delete', 'secret', AUTHORITY_SECRET, ...system])
  await until('a new authority is published', async () =>
    (await trusted()).every((bundle) => bundle !== before),
  )
  await pause(NOTICED_MS)
}

/** A new authority: first it is trusted beside the old one, then it signs. */
export async function renewAuthority(): Promise<void> {
  const [old, serving] = [await fieldOf(AUTHORITY_SECRET, 'ca.crt'), await fieldOf(SERVING_SECRET, 'tls.crt')]
  const { cert, key } = await issueAuthority(new Date(Date.now() - OVERLAP_MILLISECONDS))
  await write(AUTHORITY_SECRET, { 'ca.crt': old + cert })
  await until('both are trusted', async () =>
    (await trusted()).every((bundle) => bundle.includes(cert.trim())),
  )
  await pause(NOTICED_MS)
  await write(AUTHORITY_SECRET, { 'tls.crt': cert, 'tls.key': key, 'ca.crt': cert + old })
  await until(
    'a certificate of the new one is issued',
    async () => (await fieldOf(SERVING_SECRET, 'tls.crt')) !== serving,
  )
  await pause(NOTICED_MS)
}
