import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** A token rotates after 8 minutes at the earliest: that file begins first, and the others run beside it. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line no-array-sort -- a method of its own
    const sorted = await super.sort(files)
    const isLong = ({ moduleId }: TestSpecification): boolean => moduleId.endsWith('/token.test.ts')
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

// Projects by what they need: nothing, a real API server, a real node, a real node of their own. `make test` runs them in this order.
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/apiserver/**', 'test/node/**'],
          // Properties and manifests take longer on a machine that builds beside them.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'apiserver',
          include: ['test/apiserver/**/*.test.ts'],
          globalSetup: 'test/cluster/control-plane.setup.ts',
          testTimeout: 120_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'node',
          include: ['test/node/**/*.test.ts'],
          exclude: ['test/node/install.test.ts'],
          globalSetup: 'test/cluster/node.setup.ts',
          testTimeout: 300_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          // Not beside the others: what is installed in the cluster acts on all of its namespaces.
          name: 'install',
          include: ['test/node/install.test.ts'],
          globalSetup: 'test/cluster/node.setup.ts',
          testTimeout: 300_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
})
