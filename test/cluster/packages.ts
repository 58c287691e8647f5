// Installs Debian packages that the node and its images need.
import { existsSync } from 'node:fs'
import { attempt, run } from './run.ts'

/** Packages for the node of the tests: package -> purpose. */
export const nodePackages: Readonly<Record<string, string>> = {
  'containernetworking-plugins': 'the Pods’ network',
  iptables: 'kube-proxy',
  conntrack: 'kube-proxy',
  iproute2: 'the node’s own network namespace',
  'util-linux': 'the node’s namespaces (unshare, nsenter, setpriv)',
  gcc: 'builds the pause program, runc and the agent',
  'libc6-dev': 'builds the pause program, runc and the agent',
  'libseccomp-dev': 'builds runc',
  'pkg-config': 'builds runc',
  'musl-dev': 'builds the agent',
  openssl: 'certificates',
  buildah: 'builds images',
  mmdebstrap: 'base images',
  'debian-archive-keyring': 'base images',
}

/**
 * Installs the missing ones of these packages.
 * @throws if a package is missing and this process is not root on Debian or Ubuntu
 */
export async function installPackages(names: readonly string[], say: (line: string) => void): Promise<void> {
  const missing = await missingPackages(names)
  if (missing.length === 0) return
  if (!existsSync('/usr/bin/apt-get')) {
    throw new Error(`node tests need a Debian or Ubuntu machine; missing here: ${missing.join(' ')}`)
  }
  if (process.getuid?.() !== 0) {
    throw new Error(`run as root, or install them yourself: apt-get install ${missing.join(' ')}`)
  }
  say(`installing Debian packages: ${missing.join(' ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const install = ['apt-get', 'install', '--yes', '--no-install-recommends', ...missing]
  const first = await attempt(install, { env })
  if (first.code === 0) return
  await run(['apt-get', 'update'], { env }) // the lists may be old or absent
  await run(install, { env })
}

async function missingPackages(names: readonly string[]): Promise<string[]> {
  const query = ['dpkg-query', '--show', '--showformat', '${binary:Package} ${db:Status-Status}\n', ...names]
  const { stdout } = await attempt(query).catch(() => ({ stdout: '' }))
  const installed = stdout.split('\n').filter((line) => line.endsWith(' installed'))
  const present = new Set(installed.map((line) => line.split(/[ :]/)[0]))
  return names.filter((name) => !present.has(name))
}
