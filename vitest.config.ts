import { basename } from 'node:path'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files whose place in the order matters. The others run between them in vitest's own order. */
const places: Readonly<Record<string, number>> = {
  // It waits 16 minutes for tokens while the others run, those on API servers too.
  'token.test.ts': -1,
}

class InPlace extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => places[basename(moduleId)] ?? 0
    // oxlint-disable-next-line no-array-sort -- a method of its own
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => place(a) - place(b))
  }
}

/**
 * Test files that run at the same time, also of two projects: more than the processors of a small machine, because most of them wait. Each
 * worker has an API server of its own. That of KUBECONFIG can't be divided.
 */
const workers = 3
const apiWorkers = process.env['KUBECONFIG'] ? 1 : workers

/** Tests of what differs between the versions of Kubernetes. In each run they also run on the oldest. */
const versioned = [
  'any-pod',
  'apply',
  'certificates',
  'chart',
  'controller-jobs',
  'controller-rollouts',
  'corpus',
  'deploy',
  'policies',
  'roles',
].map((name) => `test/apiserver/${name}.test.ts`)

/** Tests that install hotreload in the cluster of the node. */
const installs = ['test/node/install.test.ts', 'test/node/chart.test.ts']

// One project for each requirement: nothing, an API server, a node, a node without other tests. `make test` runs them in this order.
export default defineConfig({
  test: {
    sequence: { sequencer: InPlace },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/apiserver/**', 'test/node/**', 'test/faults/**', 'test/programs/**'],
          // Properties and manifests take longer on a machine that builds at the same time.
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'apiserver',
          include: ['test/apiserver/**/*.test.ts'],
          globalSetup: 'test/cluster/control-plane.setup.ts',
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: apiWorkers,
        },
      },
      {
        test: {
          name: 'oldest',
          include: versioned,
          globalSetup: 'test/cluster/control-plane.setup.ts',
          env: { KUBERNETES: '1.30' },
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: apiWorkers,
        },
      },
      {
        test: {
          name: 'node',
          include: ['test/node/**/*.test.ts'],
          exclude: installs,
          globalSetup: 'test/cluster/node.setup.ts',
          testTimeout: 600_000,
          // A hook builds the images of its file, and waits for builds of other files.
          hookTimeout: 1_800_000,
          maxWorkers: workers,
        },
      },
      {
        test: {
          // `make test-programs`: its programs take minutes to build, or need a device of the machine.
          name: 'programs',
          include: ['test/programs/**/*.test.ts'],
          globalSetup: 'test/cluster/node.setup.ts',
          testTimeout: 600_000,
          hookTimeout: 3_600_000,
        },
      },
      {
        test: {
          // They run alone, because an install acts on all namespaces of the cluster.
          name: 'install',
          include: installs,
          fileParallelism: false,
          globalSetup: 'test/cluster/node.setup.ts',
          testTimeout: 600_000,
          hookTimeout: 1_800_000,
        },
      },
      {
        test: {
          // It disturbs the node's programs, so it has a node of its own.
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          globalSetup: 'test/cluster/faults.setup.ts',
          // Each file installs hotreload.
          fileParallelism: false,
          testTimeout: 900_000,
          hookTimeout: 1_800_000,
        },
      },
    ],
  },
})
