// Starts one Kubernetes node: containerd, kubelet and kube-proxy in their own namespaces (sandbox.ts). The unusual settings are for virtual
// machines with few capabilities.
import { copyFileSync, existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { ControlPlane } from './control-plane.ts'
import type { ContainerRuntime } from './foreign-programs.ts'
import { staticImage } from './image-archive.ts'
import { writeKubeconfig } from './pki.ts'
import type { ProgramName } from './programs.ts'
import { attempt, type Background, ready, run, start } from './run.ts'
import { network, type Sandbox } from './sandbox.ts'

/** The only node's name. */
export const NODE_NAME = 'node1'
/** Where the kubelet keeps Pods' volumes, as a path in the node's namespaces. */
export const KUBELET_DIRECTORY = '/var/lib/kubelet'
const PAUSE_IMAGE = 'localhost/pause:1'

export interface NodeOptions {
  programs: Record<ProgramName, string>
  runtime: ContainerRuntime
  state: string
  controlPlane: ControlPlane
  sandbox: Sandbox
  /** See ClusterOptions. */
  faults: boolean
  /** Receives every process that starts. */
  processes: Background[]
}

/**
 * Starts the node and returns when the API server reports it Ready (about 10 s). The programs end with this process.
 * @returns containerd's client: the command line that other arguments complete, outside the node's namespaces
 */
export async function startNode(options: NodeOptions): Promise<string[]> {
  const { programs, runtime, state, controlPlane, sandbox, processes } = options
  const background = (name: string, ...argv: string[]): Background => {
    const program = start(name, sandbox.inside(argv), join(state, 'logs', `${name}.log`))
    processes.push(program)
    return program
  }

  background('kube-proxy', programs['kube-proxy'], ...proxyFlags(controlPlane))
  const config = writeContainerdConfig(state, runtime)
  const containerd = background('containerd', runtime.containerd, '--config', config)
  const socket = join(state, 'node/run/containerd/containerd.sock')
  const ctr = [runtime.ctr, `--address=${socket}`, '--namespace=k8s.io'] // where the kubelet looks for images
  await ready(containerd, async () => (await attempt([...ctr, 'version'])).code === 0)
  const pause = await staticImage(join(state, 'pause.tar'), PAUSE_IMAGE, sandbox.pauseProgram)
  await run([...ctr, 'images', 'import', pause])

  if (options.faults) {
    const size = ['-t', 'tmpfs', '-o', 'size=64m', 'volumes']
    await run(sandbox.inside(['mkdir', '--parents', KUBELET_DIRECTORY]))
    await run(sandbox.inside(['mount', ...size, KUBELET_DIRECTORY]))
  }
  const kubeconfig = writeKubeconfig(controlPlane.pki, 'kubelet', controlPlane.server)
  const kubelet = background(
    'kubelet',
    programs.kubelet,
    `--config=${writeKubeletConfig(options)}`,
    `--kubeconfig=${kubeconfig}`,
    `--hostname-override=${NODE_NAME}`,
    `--node-ip=${network.node}`,
  )
  const status = [
    'get',
    'node',
    NODE_NAME,
    '--output',
    'jsonpath={.status.conditions[?(@.type=="Ready")].status}',
  ]
  await ready(kubelet, async () => {
    const { stdout } = await attempt([programs.kubectl, '--kubeconfig', controlPlane.kubeconfig, ...status])
    return stdout === 'True'
  })
  return ctr
}

function proxyFlags(controlPlane: ControlPlane): string[] {
  return [
    `--kubeconfig=${controlPlane.kubeconfig}`,
    '--proxy-mode=iptables',
    `--cluster-cidr=${network.pods}`,
    `--hostname-override=${NODE_NAME}`,
    // kube-proxy may not set these in a network namespace, and ends if it tries.
    '--conntrack-max-per-core=0',
    '--conntrack-tcp-timeout-established=0',
    '--conntrack-tcp-timeout-close-wait=0',
  ]
}

function writeContainerdConfig(state: string, { shim, runc }: ContainerRuntime): string {
  const cni = join(state, 'cni')
  mkdirSync(cni, { recursive: true })
  const bridge = {
    type: 'bridge',
    bridge: 'cni0',
    isGateway: true,
    ipMasq: true,
    hairpinMode: true, // a Pod reaches itself through its Service
    ipam: { type: 'host-local', ranges: [[{ subnet: network.pods }]], routes: [{ dst: '0.0.0.0/0' }] },
  }
  const portmap = { type: 'portmap', capabilities: { portMappings: true } }
  const list = { cniVersion: '0.4.0', name: 'pods', plugins: [bridge, portmap] }
  writeFileSync(join(cni, '10-pods.conflist'), JSON.stringify(list))
  // Without restrict_oom_score_adj, runc fails without CAP_SYS_RESOURCE ("can't get final child's PID from pipe: EOF").
  // The runtime is runc, containerd's default, because crun refuses hybrid cgroups. Without paths containerd takes those of Debian, if
  // they are installed.
  const config = `version = 3
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "${PAUSE_IMAGE}"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "${cni}"
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    runtime_path = "${shim}"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      BinaryName = "${runc}"
`
  const path = join(state, 'containerd.toml')
  writeFileSync(path, config)
  return path
}

function writeKubeletConfig({ state, controlPlane: { pki }, faults }: NodeOptions): string {
  const { cert, key } = pki.certificate('kubelet')
  const resolvConf = join(state, 'resolv.conf') // often a link into /run, which is another directory in the node's namespaces
  if (existsSync('/etc/resolv.conf')) copyFileSync(realpathSync('/etc/resolv.conf'), resolvConf)
  else writeFileSync(resolvConf, '')
  // syncFrequency has its default of a minute elsewhere: users, too, wait up to 90 s until a volume has an edited ConfigMap.
  const config = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: pki.ca },
    },
    authorization: { mode: 'Webhook' },
    cgroupDriver: 'cgroupfs', // the node's namespaces have no systemd
    ...(faults ? { syncFrequency: '10s' } : {}),
    failSwapOn: false,
    failCgroupV1: false, // otherwise kubelet 1.35 and later refuse v1 and hybrid hierarchies
    tlsCertFile: cert,
    tlsPrivateKeyFile: key,
    resolvConf,
    // A full disk must not evict Pods: neither a developer's, nor one that a test fills.
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '0%', 'imagefs.available': '0%' },
    // Nor may it cost the node its images after five minutes: nobody could pull them again. 100 means never.
    imageGCHighThresholdPercent: 100,
  }
  const path = join(state, 'kubelet.yaml')
  writeFileSync(path, stringify(config))
  return path
}
