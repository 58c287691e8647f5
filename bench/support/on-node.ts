/** Runs a benchmark on a real node: the one of KUBECONFIG if that is set, else a temporary one. */
import { acquire, type Cluster } from '../../test/cluster/cluster.ts'
import { bringImages } from '../../test/cluster/images.ts'

export const say = (line: string): void => console.log(`# ${line}`)

/** Ends the process after `measure`, because the pipe to the cluster's keeper would keep it alive. */
export async function onNode(
  images: Parameters<typeof bringImages>[1],
  measure: (cluster: Cluster) => Promise<void>,
): Promise<never> {
  const { cluster, stop } = await acquire({ node: true, say })
  try {
    await bringImages(cluster, images, say)
    await measure(cluster)
  } finally {
    await stop()
  }
  process.exit(0)
}
