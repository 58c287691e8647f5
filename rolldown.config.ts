// The bundle: dist/main.mjs and what it loads on demand. Importing @kubernetes/client-node whole takes 0.5 s and 75 to 90 MB; split at
// dynamic imports, the commands that need no cluster never load it.
import type { BuildOptions, Plugin } from 'rolldown'

/** node:http by require: an import reads all of its exports, and the getters of some load undici, 3 MB resident that nothing uses. */
export const httpByRequire: Plugin = {
  name: 'http-by-require',
  resolveId: (id, _importer, { kind }) =>
    kind === 'import-statement' && /^(node:)?http$/.test(id) ? '\0http' : undefined,
  load: (id) =>
    id === '\0http'
      ? "const http = process.getBuiltinModule('node:http'); export const { Agent, createServer, request } = http; export default http"
      : undefined,
}

/** RE2JS is a file of its own, which src/compat/reloader/name-regex.ts loads by require: node_modules are not beside the bundle. */
export const re2jsByRequire: Plugin = {
  name: 're2js-by-require',
  transform: {
    filter: { code: "load('re2js')" },
    // No line moves, so that the source map stays right.
    handler: (code) => ({ code: code.replace("load('re2js')", "load('./re2js.mjs')"), map: null }),
  },
}

export default {
  input: { main: 'src/main.ts', re2js: 're2js' },
  platform: 'node',
  logLevel: 'warn',
  tsconfig: 'tsconfig.json',
  plugins: [httpByRequire, re2jsByRequire],
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
