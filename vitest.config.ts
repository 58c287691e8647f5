import { defineConfig } from 'vitest/config'

// Three projects by what they need: nothing, a real API server, a real node. `make test` runs them in this order.
export default defineConfig({
  test: {
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
          globalSetup: 'test/cluster/node.setup.ts',
          testTimeout: 300_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
