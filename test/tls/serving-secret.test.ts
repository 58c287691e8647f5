import { expect, test } from 'vitest'
import { ownAuthority, SERVING_SECRET } from '../../src/tls/own-authority.ts'
import { servingSecret } from '../../src/tls/serving-secret.ts'
import { memoryPublisher, memorySecrets } from '../support/stores.ts'

test('the certificate is what the authority stored, with the end of both', async () => {
  const secrets = memorySecrets()
  const reader = servingSecret(secrets)
  await expect(reader.current()).rejects.toThrow(
    /hotreload-serving does not exist yet; Deployment hotreload-controller creates it.*\[HR_NO_SECRET\]/,
  )
  const names: [string] = ['hotreload.hotreload-system.svc']
  const authority = ownAuthority({ secrets, publisher: memoryPublisher(), names, now: () => new Date() })
  expect(await authority.current()).toEqual(await reader.current())
})

test('one of an earlier version has no authority; one that holds no pair is an error', async () => {
  const secrets = memorySecrets()
  const names: [string] = ['hotreload.hotreload-system.svc']
  await ownAuthority({ secrets, publisher: memoryPublisher(), names, now: () => new Date() }).current()
  const { data = {} } = secrets.secrets.get(SERVING_SECRET) ?? {}
  secrets.secrets.set(SERVING_SECRET, { data: { ...data, 'ca.crt': '' }, resourceVersion: '1' })
  expect(await servingSecret(secrets).current()).not.toHaveProperty('authorityExpires')
  secrets.secrets.set(SERVING_SECRET, { data: { ...data, 'tls.key': 'x' }, resourceVersion: '1' })
  await expect(servingSecret(secrets).current()).rejects.toThrow(
    /not a certificate and its key.*\[HR_BAD_CERTIFICATE\]/,
  )
})
