// Starts etcd, API server, controller manager and scheduler as processes of this machine, on free ports.
import { mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { makePki, type Pki, writeKubeconfig } from './pki.ts'
import type { Programs } from './programs.ts'
import { attempt, type Background, ready, start } from './run.ts'

export interface ControlPlaneOptions {
  programs: Programs
  /** Directory for etcd's data, certificates and logs. */
  state: string
  /** The API server's address. Pods of a node must reach it, so a cluster with a node has one that isn't loopback. */
  address: string
  node?: { name: string; address: string }
  /** See ClusterOptions. */
  quick?: boolean
  /** Receives every process that starts. */
  processes: Background[]
}

export interface ControlPlane {
  kubeconfig: string
  server: string
  pki: Pki
}

/** Starts a control plane and returns when it answers. The programs end with this process. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { programs, state, address, node, quick, processes } = options
  mkdirSync(join(state, 'logs'), { recursive: true })
  const log = (name: string): string => join(state, 'logs', `${name}.log`)
  const [clientPort, peerPort, port] = await Promise.all([freePort(), freePort(), freePort(address)])
  const pki = await makePki(join(state, 'pki'), {
    apiserver: address,
    kubelet: node?.address ?? '127.0.0.1',
    nodeName: node?.name ?? 'none',
  })
  const server = `https://${address}:${port}`
  const kubeconfig = writeKubeconfig(pki, 'admin', server)
  const kubectl = (...args: string[]) => attempt([programs.kubectl, '--kubeconfig', kubeconfig, ...args])

  const etcdUrl = `http://127.0.0.1:${clientPort}`
  const peerUrl = `http://127.0.0.1:${peerPort}`
  const etcd = start(
    'etcd',
    [
      programs.etcd,
      `--data-dir=${join(state, 'etcd')}`,
      `--listen-client-urls=${etcdUrl}`,
      `--advertise-client-urls=${etcdUrl}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=default=${peerUrl}`,
      '--unsafe-no-fsync', // the data is removed after the run
    ],
    log('etcd'),
  )
  processes.push(etcd)
  await ready(etcd, async () => (await fetch(`${etcdUrl}/health`)).ok)

  const apiserver = start(
    'kube-apiserver',
    apiserverCommand(options, pki, etcdUrl, port),
    log('kube-apiserver'),
  )
  processes.push(apiserver)
  await ready(apiserver, async () => (await kubectl('get', '--raw', '/readyz')).code === 0)

  const clients = [`--kubeconfig=${kubeconfig}`, '--leader-elect=false', '--secure-port=0']
  if (programs['kube-controller-manager']) {
    const keys = [`--service-account-private-key-file=${pki.serviceAccountKey}`, `--root-ca-file=${pki.ca}`]
    const rate = quick ? ['--kube-api-qps=500', '--kube-api-burst=500'] : []
    const argv = [programs['kube-controller-manager'], ...clients, ...keys, ...rate]
    processes.push(start('kube-controller-manager', argv, log('kube-controller-manager')))
  }
  if (programs['kube-scheduler']) {
    processes.push(start('kube-scheduler', [programs['kube-scheduler'], ...clients], log('kube-scheduler')))
  }
  return { kubeconfig, server, pki }
}

function apiserverCommand(options: ControlPlaneOptions, pki: Pki, etcdUrl: string, port: number): string[] {
  const { cert, key } = pki.certificate('apiserver')
  const admin = pki.certificate('admin')
  return [
    options.programs['kube-apiserver'],
    `--etcd-servers=${etcdUrl}`,
    `--bind-address=${options.address}`,
    `--advertise-address=${options.address}`,
    `--secure-port=${port}`,
    `--tls-cert-file=${cert}`,
    `--tls-private-key-file=${key}`,
    `--client-ca-file=${pki.ca}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${pki.serviceAccountPublicKey}`,
    `--service-account-signing-key-file=${pki.serviceAccountKey}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    '--authorization-mode=Node,RBAC',
    '--allow-privileged=true',
    `--kubelet-client-certificate=${admin.cert}`,
    `--kubelet-client-key=${admin.key}`,
    '--kubelet-preferred-address-types=InternalIP', // no DNS resolves the node's name
    // The API server calls webhooks at their endpoints, because it may not reach ClusterIPs.
    '--enable-aggregator-routing=true',
    // Without a node nothing uses the kubernetes Service, and a loopback address is no valid endpoint.
    ...(options.node ? [] : ['--endpoint-reconciler-type=none']),
  ]
}

/** Linux gives the ports from here on to outgoing connections. */
const EPHEMERAL = 32_768
/** What `freePort` tries next. Processes that start at the same time begin a hundred apart. */
let port = 10_000 + (process.pid % 227) * 100

/**
 * Finds a free TCP port of an address, for a program that can't choose its own. It is none that an outgoing connection, another process or
 * another call could get before that program listens.
 */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  for (;;) {
    port = port + 1 < EPHEMERAL ? port + 1 : 10_000
    const tried = port
    if (await isFree(tried, address)) return tried
  }
}

function isFree(port: number, address: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    )
    server.listen(port, address, () => server.close(() => resolve(true)))
  })
}
