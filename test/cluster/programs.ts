// The programs of a Kubernetes cluster: built once from the Go module proxy (the go.mod here, and for API tests that of kubernetes-1.30/)
// into the cache, or those of setup-envtest in KUBEBUILDER_ASSETS.
import { existsSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { withLock } from './lock.ts'
import { cache, HELM_VERSION, KUBERNETES_VERSION, OLDEST_KUBERNETES_VERSION, repository } from './paths.ts'
import { attempt, run } from './run.ts'

const controlPlane = ['etcd', 'kube-apiserver', 'kubectl'] as const
const everything = [
  ...controlPlane,
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
] as const
export type ProgramName = (typeof everything)[number]

/** Paths of the programs. Those of KUBEBUILDER_ASSETS lack the last four, those of an older Kubernetes the last three. */
export type Programs = Record<(typeof controlPlane)[number], string> & Partial<Record<ProgramName, string>>

/** A Kubernetes that can be built. */
interface Release {
  version: string
  /** Of its go.mod, in this directory. */
  directory: string
  programs: readonly ProgramName[]
  /** Build tags. */
  tags: string
  /** How long the build takes on two cores. */
  minutes: number
}

const newest: Release = {
  version: KUBERNETES_VERSION,
  directory: '.',
  programs: everything,
  tags: '',
  minutes: 8,
}

const oldest: Release = {
  version: OLDEST_KUBERNETES_VERSION,
  directory: 'kubernetes-1.30',
  programs: [...controlPlane, 'kube-controller-manager'],
  tags: 'providerless', // without the clients of clouds
  minutes: 5,
}

/**
 * The programs of a control plane: from KUBEBUILDER_ASSETS if that is set, else those of the version in KUBERNETES, by default the newest.
 * @throws if KUBEBUILDER_ASSETS lacks one of them, KUBERNETES has another version than those known here, or the build fails
 */
export async function controlPlanePrograms(say: (line: string) => void): Promise<Programs> {
  const assets = process.env['KUBEBUILDER_ASSETS']
  if (!assets) return chosenPrograms(process.env['KUBERNETES'], say)
  const missing = controlPlane.filter((name) => !existsSync(join(assets, name)))
  if (missing.length > 0) {
    throw new Error(
      `KUBEBUILDER_ASSETS=${assets} has no ${missing.join(', ')}; run setup-envtest use --print path, or unset it to build them`,
    )
  }
  const path = (name: ProgramName): string => join(assets, name)
  return { etcd: path('etcd'), 'kube-apiserver': path('kube-apiserver'), kubectl: path('kubectl') }
}

async function chosenPrograms(chosen: string | undefined, say: (line: string) => void): Promise<Programs> {
  const isMinorOf = ({ version }: Release): boolean => version.startsWith(`v${chosen}.`)
  if (!chosen || isMinorOf(newest)) return nodePrograms(say)
  if (!isMinorOf(oldest)) throw new Error(`KUBERNETES=${chosen} is not known; use 1.30 or 1.36`)
  const path = await built(oldest, say)
  return {
    etcd: path('etcd'),
    'kube-apiserver': path('kube-apiserver'),
    'kube-controller-manager': path('kube-controller-manager'),
    kubectl: path('kubectl'),
  }
}

/**
 * All seven programs of a cluster with a node. The first use builds them (8 minutes on two cores).
 * @throws if the build needs Go and there is none, or the build fails
 */
export async function nodePrograms(say: (line: string) => void): Promise<Record<ProgramName, string>> {
  const path = await built(newest, say)
  return {
    etcd: path('etcd'),
    'kube-apiserver': path('kube-apiserver'),
    'kube-controller-manager': path('kube-controller-manager'),
    'kube-scheduler': path('kube-scheduler'),
    'kube-proxy': path('kube-proxy'),
    kubectl: path('kubectl'),
    kubelet: path('kubelet'),
  }
}

/** Builds a release unless it is built. Returns where each of its programs is. */
async function built(release: Release, say: (line: string) => void): Promise<(name: ProgramName) => string> {
  const directory = cache(`kubernetes-${release.version}`)
  const path = (name: ProgramName): string => join(directory, name)
  await withLock(join(directory, 'build.lock'), async () => {
    if (release.programs.some((name) => !existsSync(path(name)))) await build(release, directory, say)
  })
  return path
}

/**
 * A kustomize of this version, e.g. `v5.4.3`, which is part of kubectl 1.31. The first use builds it (a minute on two cores).
 * @throws if the build needs Go and there is none, or the build fails
 */
export async function kustomizeProgram(version: string, say: (line: string) => void): Promise<string> {
  const directory = cache(`kustomize-${version}`)
  const path = join(directory, 'kustomize')
  await withLock(join(directory, 'build.lock'), async () => {
    if (existsSync(path)) return
    say(`building kustomize ${version} in ${directory} (once; about a minute on two cores)`)
    await run(['go', 'install', '-trimpath', `sigs.k8s.io/kustomize/kustomize/v5@${version}`], {
      env: { ...process.env, CGO_ENABLED: '0', GOBIN: directory },
    })
  })
  return path
}

/** Prometheus and promtool from Debian's package, which is only unpacked: installed, it would start a service. */
export async function prometheusPrograms(
  say: (line: string) => void,
): Promise<{ prometheus: string; promtool: string }> {
  const program = (name: string): Promise<string> => debianProgram('prometheus', `usr/bin/${name}`, say)
  return { prometheus: await program('prometheus'), promtool: await program('promtool') }
}

/** nginx from PATH, else from Debian's package, which is only unpacked: installed, it would start a service. */
export async function nginxProgram(say: (line: string) => void): Promise<string> {
  const { code, stdout } = await attempt(['sh', '-c', 'command -v nginx'])
  return code === 0 ? stdout.trim() : debianProgram('nginx', 'usr/sbin/nginx', say)
}

/** A program of a Debian package. The first use unpacks the package in the cache. */
async function debianProgram(
  packageName: string,
  path: string,
  say: (line: string) => void,
): Promise<string> {
  const directory = cache(packageName)
  const program = join(directory, path)
  await withLock(join(directory, 'build.lock'), async () => {
    if (existsSync(program)) return
    say(`unpacking Debian's ${packageName} in ${directory} (once)`)
    const download = ['apt-get', 'download', packageName]
    const first = await attempt(download, { cwd: directory })
    if (first.code !== 0) {
      await run(['apt-get', 'update']) // the lists may be old or absent
      await run(download, { cwd: directory })
    }
    const file = readdirSync(directory).find((name) => name.endsWith('.deb')) ?? ''
    await run(['dpkg-deb', '--extract', file, '.'], { cwd: directory })
  })
  return program
}

/**
 * Helm, of the version in test/cluster/helm/go.mod. The first use builds it.
 * @throws if the build needs Go and there is none, or the build fails
 */
export async function helmProgram(say: (line: string) => void): Promise<string> {
  const directory = cache(`helm-${HELM_VERSION}`)
  const path = join(directory, 'helm')
  await withLock(join(directory, 'build.lock'), async () => {
    if (existsSync(path)) return
    say(`building Helm ${HELM_VERSION} in ${directory} (once; some 4 minutes on two cores)`)
    // Without these, Helm takes the cluster that it renders for as one of Kubernetes 1.20.
    const [major = '', minor = ''] = KUBERNETES_VERSION.slice(1).split('.')
    const capabilities = Object.entries({
      'internal/version.version': HELM_VERSION,
      'pkg/chartutil.k8sVersionMajor': major,
      'pkg/chartutil.k8sVersionMinor': minor,
      'pkg/lint/rules.k8sVersionMajor': major,
      'pkg/lint/rules.k8sVersionMinor': minor,
    })
    const flags = ['-s', '-w', ...capabilities.map(([name, value]) => `-X helm.sh/helm/v3/${name}=${value}`)]
    await run(['go', 'build', '-trimpath', '-ldflags', flags.join(' '), '-o', `${directory}/`, 'tool'], {
      cwd: join(repository, 'test/cluster/helm'),
      env: { ...process.env, CGO_ENABLED: '0' },
      timeoutMs: 30 * 60_000,
    })
  })
  return path
}

async function build(
  { version, directory: source, tags, minutes }: Release,
  directory: string,
  say: (line: string) => void,
): Promise<void> {
  const go = await attempt(['go', 'version']).catch(() => undefined)
  if (go?.code !== 0) {
    throw new Error('Kubernetes is built with Go 1.26 or later, which is not in PATH: see https://go.dev/dl/')
  }
  say(`building Kubernetes ${version} and etcd in ${directory} (once; about ${minutes} minutes on two cores)`)
  const modules = {
    cwd: join(repository, 'test/cluster', source),
    env: { ...process.env, CGO_ENABLED: '0' },
  }
  const total = (await run(['go', 'list', '-deps', `-tags=${tags}`, 'tool'], modules)).split('\n').length - 1
  // With -v Go names each package that it compiles, and none that its cache has.
  let compiled = 0
  const progress = setInterval(
    () => say(`building Kubernetes: ${compiled} packages compiled, of at most ${total}; then it links`),
    30_000,
  )
  // These flags never vary, because a change of any rebuilds all programs.
  const [major = '', minor = ''] = version.slice(1).split('.')
  const stamps = Object.entries({ gitVersion: version, gitMajor: major, gitMinor: minor })
  const flags = [
    '-s',
    '-w',
    ...stamps.map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`),
  ]
  try {
    // `nice`, because the demo builds and shows other things meanwhile.
    const build = ['nice', 'go', 'build', '-v', '-trimpath', `-tags=${tags}`, '-ldflags', flags.join(' ')]
    await run([...build, '-o', `${directory}/`, 'tool'], {
      ...modules,
      timeoutMs: 60 * 60_000,
      onError: (text) => (compiled += text.split('\n').length - 1),
    })
  } finally {
    clearInterval(progress)
  }
  renameSync(join(directory, 'server'), join(directory, 'etcd')) // the package of etcd's program is called server
}
