// The certificates of an install without cert-manager, renewed as tls/rotation.ts does it, without its five minutes between two steps.
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:tls'
import type { V1Pod } from '@kubernetes/client-node'
import { issueAuthority } from '../../src/tls/issue.ts'
import { AUTHORITY_SECRET, SERVING_SECRET } from '../../src/tls/own-authority.ts'
import { OVERLAP_MILLISECONDS } from '../../src/tls/rotation.ts'
import { pause } from '../cluster/run.ts'
import { SYSTEM, system } from '../support/install.ts'
import { kubectl } from '../support/kubectl.ts'
import { until } from '../support/until.ts'
import type { WebhookConfiguration } from '../support/webhook.ts'
import { replicas, WEBHOOK } from './replicas.ts'

/** Until every API server has the caBundle, for which the controller waits five minutes. Nobody can ask an API server what it trusts. */
const TRUSTED_MS = 5_000

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
  await othersServed(before)
}

/** Returns when every replica serves a certificate that is stored now. */
async function othersServed(before: string): Promise<void> {
  const { cert } = await until('another certificate is issued', async () => {
    const cert = await fieldOf(SERVING_SECRET, 'tls.crt')
    return cert !== '' && cert !== before && { cert }
  })
  const { fingerprint256 } = new X509Certificate(cert)
  const [ca = ''] = await trusted()
  await until('every replica serves it', async () => {
    const served = await Promise.all((await replicas(WEBHOOK)).map((pod) => servedBy(pod, ca)))
    return served.every((one) => one === fingerprint256)
  })
}

/** @throws where the API server would not trust it, e.g. since it is not valid yet */
async function servedBy({ status }: V1Pod, ca: string): Promise<string> {
  const socket = connect({ host: status?.podIP, port: 8443, servername: `${WEBHOOK}.${SYSTEM}.svc`, ca })
  try {
    await once(socket, 'secureConnect')
    return socket.getPeerCertificate().fingerprint256
  } finally {
    socket.destroy()
  }
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
}

/** A new authority: first it is trusted beside the old one, then it signs. */
export async function renewAuthority(): Promise<void> {
  const [old, serving] = [await fieldOf(AUTHORITY_SECRET, 'ca.crt'), await fieldOf(SERVING_SECRET, 'tls.crt')]
  const { cert, key } = await issueAuthority(new Date(Date.now() - OVERLAP_MILLISECONDS))
  await write(AUTHORITY_SECRET, { 'ca.crt': old + cert })
  await until('both are trusted', async () =>
    (await trusted()).every((bundle) => bundle.includes(cert.trim())),
  )
  await pause(TRUSTED_MS)
  await write(AUTHORITY_SECRET, { 'tls.crt': cert, 'tls.key': key, 'ca.crt': cert + old })
  await othersServed(serving)
}
