// `make demo`, in three parts: what hotreload makes of a manifest; the agent and a real nginx on this machine (here.ts); a reload on a real
// node (node.ts), which starts while the second part runs. With --without-node it ends before the third part.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { installPackages } from '../cluster/packages.ts'
import { cache, KUBERNETES_VERSION } from '../cluster/paths.ts'
import { nginxProgram } from '../cluster/programs.ts'
import { showHere } from './here.ts'
import { isKindHere } from './kind.ts'
import { showManifest } from './manifest.ts'
import { showNode, startDemoCluster } from './node.ts'
import { elapsed, heading, say } from './screen.ts'
import { removeAll, removeAtSignals } from './undo.ts'

const { values } = parseArgs({ options: { 'without-node': { type: 'boolean', default: false } } })

/** What the third part will use, and how long that takes. */
async function lastPart(): Promise<string> {
  if (process.env['KUBECONFIG']) return `on the cluster of KUBECONFIG=${process.env['KUBECONFIG']}`
  if (await isKindHere()) return 'on a cluster of kind: some minutes, most of them downloads and the images'
  if (existsSync(join(cache(`kubernetes-${KUBERNETES_VERSION}`), 'kubelet')))
    return 'on a node of this machine: about a minute, some more where the images or containerd must be built'
  return `on a node of this machine: Kubernetes and containerd are compiled first, 10 to 12 minutes on two cores, once.
     It begins behind part 2. With kind and Docker in PATH, or KUBECONFIG, nothing is compiled but the images`
}

/** Programs of this machine for the second part. @returns nginx, or undefined with a line that says why there is no second part */
async function prepareHere(): Promise<string | undefined> {
  try {
    if (process.platform !== 'linux') throw new Error('the agent needs Linux')
    await installPackages(['gcc', 'libc6-dev', 'musl-dev'], say)
    return await nginxProgram(say)
  } catch (error) {
    say(`part 2 is left out: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}

removeAtSignals()
heading('hotreload, in three parts. Ctrl-C ends it at any time, and removes what it made')
console.log(`  1. a manifest, before and after: a second
  2. the agent reloads a real nginx on this machine, without a cluster: half a minute the first time, then 10 s
  3. ${values['without-node'] ? 'left out (--without-node)' : await lastPart()}`)
try {
  await showManifest()
  const nginx = await prepareHere()
  // After prepareHere, because both may call apt-get, of which one can run.
  const cluster = values['without-node'] ? undefined : startDemoCluster()
  cluster?.catch(() => undefined) // it is awaited below, and may fail before
  if (nginx) await showHere(nginx)
  if (cluster) {
    const running = await cluster
    await showNode(running)
    await running.stop()
  }
} finally {
  await removeAll()
}
console.log(`\nDone in ${elapsed()} s.`)
process.exit(0) // the pipe to the cluster's keeper would keep this process alive
