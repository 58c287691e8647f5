/** A benchmark on a real node: the one of KUBECONFIG where that is set, else one made on the spot. */
import { acquire, type Cluster } from '../../test/cluster/cluster.ts'
import { bringImages } from '../../test/cluster/images.ts'

export const say = (line: string): void => console.log(`# ${line}`)

/** Ends the process when `measure` has: the cluster's keeper has a pipe to us, which would hold us. */
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
