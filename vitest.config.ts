import { basename } from 'node:path'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files whose place matters; the others stand between in vitest's own order. */
const places: Readonly<Record<string, number>> = {
  // A token rotates after 8 minutes at the earliest: the others run beside it.
  'token.test.ts': -1,
  // Leaves a controller manager that is busy for minutes with the end of 500 workloads.
  'controller-install.test.ts': 1,
}

class InPlace extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => places[basename(moduleId)] ?? 0
    // oxlint-disable-next-line no-array-sort -- a method of its own
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => place(a) - place(b))
  }
}

// Projects by what they need: nothing, a real API server, a real node, a real node of their own. `make test` runs them in this order.
export default defineConfig({
  test: {
    sequence: { sequencer: InPlace },
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
          testTimeout: 600_000,
          // A hook brings a file's images, and waits for those that other files have built.
          hookTimeout: 1_800_000,
        },
      },
      {
        test: {
          // Not beside the others: what is installed in the cluster acts on all of its namespaces.
          name: 'install',
          include: ['test/node/install.test.ts'],
          globalSetup: 'test/cluster/node.setup.ts',
          testTimeout: 600_000,
          hookTimeout: 1_800_000,
        },
      },
    ],
  },
})
