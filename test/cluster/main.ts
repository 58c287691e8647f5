// Controls the cluster of the tests by hand: `up` starts one and leaves it running, `down` stops it, `env` prints its environment,
// `images [NAME…]` builds images (all without a name) and brings them to its node, `packages NAME…` installs Debian packages, `helm`
// prints the path of Helm, which the first call builds.

import { type Cluster, runningNode, startCluster, stopRunningNode } from './cluster.ts'
import { bringImages, imageNames } from './images.ts'
import { installPackages } from './packages.ts'
import { helmProgram } from './programs.ts'

const started = Date.now()
const say = (line: string): void => console.error(`[${((Date.now() - started) / 1000).toFixed(1)} s] ${line}`)
const commands: Record<string, () => Promise<void>> = {
  up: async () => {
    if (!runningNode()) {
      const { cluster } = await startCluster({ node: true, stay: true, say })
      say(`ready; logs are in ${cluster.own?.state}/logs`)
    }
    printEnvironment()
  },
  down: async () => say((await stopRunningNode()) ? 'stopped' : 'no node is running'),
  env: async () => printEnvironment(),
  packages: () => installPackages(process.argv.slice(3), say),
  helm: async () => console.log(await helmProgram(say)),
  images: async () => {
    const requested = process.argv.slice(3)
    const unknown = requested.filter((name) => !imageNames.some((known) => known === name))
    if (unknown.length > 0)
      throw new Error(`no image ${unknown.join(', ')}; there are ${imageNames.join(', ')}`)
    await bringImages(
      currentNode(),
      imageNames.filter((name) => requested.length === 0 || requested.includes(name)),
      say,
    )
  },
}

function currentNode(): Cluster {
  const cluster = runningNode()
  if (!cluster) throw new Error('no node is running; start one with: node test/cluster/main.ts up')
  return cluster
}

function printEnvironment(): void {
  const { kubeconfig, kubectl } = currentNode()
  console.log(`export KUBECONFIG=${kubeconfig}`)
  console.log(`alias kubectl=${kubectl}`)
}

const [name = ''] = process.argv.slice(2)
const command = commands[name]
try {
  if (!command) throw new Error(`usage: node test/cluster/main.ts ${Object.keys(commands).join('|')}`)
  await command()
  process.exit(0) // the pipe to the keeper would keep this process alive
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
