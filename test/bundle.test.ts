// The chunks that each command loads. client-node takes 2.6 MB on disk, 0.4 s and 40 MB of memory, and neither `inject` nor the start needs it.
import { join } from 'node:path'
import { build, type OutputChunk } from 'rolldown'
import { beforeAll, expect, test } from 'vitest'
import config from '../rolldown.config.ts'

let chunks: readonly OutputChunk[] = []
beforeAll(async () => {
  const { output } = await build({ ...config, write: false })
  chunks = output.filter((file) => file.type === 'chunk')
}, 30_000)

test.each(['src/main.ts', 'src/cli/inject.ts'])('%s loads neither the server nor client-node', (entry) => {
  const modules = loadedBy(entry)
  expect(modules.length).toBeGreaterThan(0)
  expect(
    modules.filter((module) => /node_modules\/(@kubernetes|fastify|selfsigned|undici)/.test(module)),
  ).toEqual([])
})

test('the server loads client-node only on demand', () => {
  expect(
    loadedBy('src/cli/serve/serve.ts').filter((module) => module.includes('@kubernetes/client-node')),
  ).toEqual([])
  expect(chunks.flatMap(({ moduleIds }) => moduleIds).join('\n')).toContain('@kubernetes/client-node')
})

// A controller that loads the webhook holds 1.2 MB of its source, and what V8 makes of it.
test('a controller loads neither the webhook nor, without a policy file, YAML', () => {
  const modules = ['src/cli/serve/serve.ts', 'src/cli/serve/build-controller.ts'].flatMap(loadedBy)
  expect(modules.some((module) => module.includes('node_modules/prom-client/'))).toBe(true)
  expect(
    modules.filter((module) => /node_modules\/(fastify|ajv|fast-json-patch|yaml)\//.test(module)),
  ).toEqual([])
})

test('RE2JS is a separate file: no chunk imports it, and one loads it by require', () => {
  const re2js = chunks.find(({ fileName }) => fileName === 're2js.mjs')
  expect(re2js?.moduleIds).toEqual([expect.stringContaining('node_modules/re2js/')])
  expect(chunks.filter(({ imports }) => imports.includes('re2js.mjs'))).toEqual([])
  expect(chunks.filter(({ code }) => code.includes('load("./re2js.mjs")'))).toHaveLength(1)
})

// An import of node:http reads its getters, which load undici: 3 MB resident.
test('no chunk imports node:http', () => {
  expect(chunks.filter(({ imports }) => imports.some((one) => /^(node:)?http$/.test(one)))).toEqual([])
  expect(chunks.flatMap(({ moduleIds }) => moduleIds)).toContain('\0http')
})

/** Modules of the chunk with a source file, and of all chunks that it imports statically. */
function loadedBy(source: string): string[] {
  const path = join(import.meta.dirname, '..', source)
  const first = chunks.find(({ moduleIds }) => moduleIds.includes(path))
  const open = first ? [first] : []
  for (const { imports } of open) {
    open.push(...chunks.filter((chunk) => imports.includes(chunk.fileName) && !open.includes(chunk)))
  }
  return open.flatMap(({ moduleIds }) => moduleIds)
}
