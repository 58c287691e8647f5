// The bundle: dist/main.mjs and what it loads on demand. Importing @kubernetes/client-node whole takes 0.5 s and 75 to 90 MB; split at
// dynamic imports, the commands that need no cluster never load it.
import type { BuildOptions } from 'rolldown'

export default {
  input: 'src/main.ts',
  platform: 'node',
  logLevel: 'warn',
  tsconfig: 'tsconfig.json',
  output: {
    dir: 'dist',
    format: 'esm',
    cleanDir: true,
    entryFileNames: '[name].mjs',
    chunkFileNames: '[name]-[hash].mjs',
    sourcemap: true,
    minify: false, // stack traces of users stay readable; the bundle is read once
  },
} satisfies BuildOptions
