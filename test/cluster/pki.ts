// Creates the cluster's certificates and kubeconfigs with openssl: one CA, valid for a year, removed with the cluster.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { run } from './run.ts'

/** Paths of the files that the programs need. */
export interface Pki {
  directory: string
  ca: string
  serviceAccountKey: string
  serviceAccountPublicKey: string
  certificate: (name: CertificateName) => { cert: string; key: string }
}
type CertificateName = 'apiserver' | 'admin' | 'kubelet'

/** Creates CA, certificates and the ServiceAccount key pair in `directory`. `addresses`: IP addresses of API server and kubelet. */
export async function makePki(
  directory: string,
  addresses: { apiserver: string; kubelet: string; nodeName: string },
): Promise<Pki> {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const path = (file: string): string => join(directory, file)
  const openssl = (...args: string[]): Promise<string> => run(['openssl', ...args], { cwd: directory })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const files = ['-keyout', 'ca.key', '-out', 'ca.crt']
  await openssl('req', '-x509', ...newKey, ...files, '-days', '365', '-subj', '/CN=test-ca')
  const sign = async (name: CertificateName, subject: string, alternatives?: string): Promise<void> => {
    await openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject)
    writeFileSync(path(`${name}.ext`), alternatives ? `subjectAltName=${alternatives}\n` : '')
    const authority = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-set_serial', `0x${randomSerial()}`]
    const request = ['-in', `${name}.csr`, '-extfile', `${name}.ext`, '-days', '365']
    await openssl('x509', '-req', ...request, ...authority, '-out', `${name}.crt`)
  }
  const service = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'localhost'].map(
    (n) => `DNS:${n}`,
  )
  const own = ['IP:127.0.0.1', 'IP:10.96.0.1', `IP:${addresses.apiserver}`]
  const node = addresses.nodeName
  await Promise.all([
    sign('apiserver', '/CN=kube-apiserver', [...service, ...own].join(',')),
    sign('admin', '/O=system:masters/CN=admin'),
    sign('kubelet', `/O=system:nodes/CN=system:node:${node}`, `DNS:${node},IP:${addresses.kubelet}`),
    openssl('genrsa', '-out', 'sa.key', '2048').then(() =>
      openssl('rsa', '-in', 'sa.key', '-pubout', '-out', 'sa.pub'),
    ),
  ])
  return {
    directory,
    ca: path('ca.crt'),
    serviceAccountKey: path('sa.key'),
    serviceAccountPublicKey: path('sa.pub'),
    certificate: (name) => ({ cert: path(`${name}.crt`), key: path(`${name}.key`) }),
  }
}

const base64 = (file: string): string => readFileSync(file).toString('base64')

/** Writes a kubeconfig without paths to other files, and returns its path. */
export function writeKubeconfig(pki: Pki, user: CertificateName, server: string): string {
  const { cert, key } = pki.certificate(user)
  const path = join(pki.directory, `${user}.kubeconfig`)
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': base64(pki.ca) } }],
    users: [
      { name: user, user: { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) } },
    ],
    contexts: [{ name: 'test', context: { cluster: 'test', user } }],
    'current-context': 'test',
  }
  writeFileSync(path, stringify(config), { mode: 0o600 })
  return path
}

const randomSerial = (): string => Buffer.from(crypto.getRandomValues(new Uint8Array(15))).toString('hex')
