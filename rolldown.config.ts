// The bundle: dist/main.mjs and the chunks that it loads on demand. Importing all of @kubernetes/client-node takes 0.5 s and 75 to 90 MB.
// The bundle is split at dynamic imports, so that commands that need no cluster never load it.
import type { BuildOptions, Plugin } from 'rolldown'
import { bundledLicences } from './deploy/release/licences/bundled-packages.ts'

/** Loads node:http by require, because an import reads all exports, and the getters of some load undici: 3 MB resident that nothing uses. */
export const httpByRequire: Plugin = {
  name: 'http-by-require',
  resolveId: (id, _importer, { kind }) =>
    kind === 'import-statement' && /^(node:)?http$/.test(id) ? '\0http' : undefined,
  load: (id) =>
    id === '\0http'
      ? "const http = process.getBuiltinModule('node:http'); export const { Agent, createServer, request } = http; export default http"
      : undefined,
}

/** Makes RE2JS a separate file, which src/compat/reloader/name-regex.ts loads by require: the bundle has no node_modules. */
export const re2jsByRequire: Plugin = {
  name: 're2js-by-require',
  transform: {
    filter: { code: "load('re2js')" },
    // The lines stay, so that the source map stays correct.
    handler: (code) => ({ code: code.replace("load('re2js')", "load('./re2js.mjs')"), map: null }),
  },
}

export default {
  input: { main: 'src/main.ts', re2js: 're2js' },
  platform: 'node',
  logLevel: 'warn',
  tsconfig: 'tsconfig.json',
  plugins: [httpByRequire, re2jsByRequire, bundledLicences],
  output: {
    dir: 'dist',
    format: 'esm',
    cleanDir: true,
    entryFileNames: '[name].mjs',
    chunkFileNames: '[name]-[hash].mjs',
    sourcemap: true,
    minify: false, // users' stack traces stay readable, and Node.js reads the bundle only once
  },
} satisfies BuildOptions
