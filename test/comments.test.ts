/** Comments and pages name files and symbols that exist: a rename must not leave a pointer to nothing. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
/** Directories with our files; `test/cluster/.cache` and others hold foreign files. */
const directories = [
  'src',
  'agent/src',
  'agent/tests',
  'agent/examples',
  'test',
  'bench',
  'docs',
  'deploy',
  'certs',
  'deploy/release',
]
const foreign = /(^|\/)(\.|(node_modules|target|dist)(\/|$))/

const files = [
  ...readdirSync(ROOT, { withFileTypes: true }).flatMap((entry) => (entry.isFile() ? [entry.name] : [])),
  ...directories.flatMap((directory) =>
    readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' }).map((file) =>
      join(directory, file),
    ),
  ),
  ...directories,
  'agent/build.rs',
  'agent/Cargo.toml',
].filter((file) => !foreign.test(file))

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')
const withExtension = (...extensions: string[]): string[] =>
  files.filter((file) => extensions.some((extension) => file.endsWith(extension)))

/** Block comments, and line comments at the start of a line or after a space: a URL in a string is no comment. */
const COMMENT = /(?<=^|\s)(?:\/\*[^]*?\*\/|\/\/.*$)/gm

const commentsIn = (code: string): string => (code.match(COMMENT) ?? []).join('\n')

/** File names in a text, without those in URLs: `name.ts`, `folder/name.rs`, `docs/page.md`. */
const filesNamedIn = (text: string): string[] =>
  text
    .replaceAll(/\b\w+:\/\/\S+/g, '')
    .match(/(?<![\w./@-])(?:[\w-]+\/)*[\w-][\w.-]*\.(?:ts|rs|md)\b(?![\w/])/g) ?? []

/** Paths from the top of the repository, without globs: `deploy/base/webhook.yaml`, `src/policy/presets/`. */
const pathsNamedIn = (text: string): string[] =>
  (
    text
      .replaceAll(/\b\w+:\/\/\S+/g, '')
      .match(
        /(?<![\w./-])(?:src|agent|test|docs|deploy|certs|bench|release)\/\w[\w.-]*(?:\/[\w.-]+)*(?![\w/.-]*[*…])/g,
      ) ?? []
  )
    .map((path) => path.replace(/[./-]+$/, ''))
    .filter((path) => !path.includes('NAME'))

/** Symbols in backticks: `camelCase`, `snake_case` and `anything()`. */
const symbolsNamedIn = (text: string): string[] =>
  [...text.matchAll(/`([a-z]\w*)(\(\))?`/g)]
    .filter(([, name = '', call]) => call !== undefined || /[a-z][A-Z]|\w_\w/.test(name))
    .map(([, name = '']) => name)

const code = withExtension('.ts', '.rs').filter((file) => file !== 'test/comments.test.ts')
const pages = withExtension('.md')

const existing = new Set(files)
const isFile = (name: string): boolean =>
  existing.has(name) || files.some((file) => file.endsWith(`/${name}`))
/** A path may lack its extension, or a decision's title. Files in agent/ name paths from there. */
const isPath = (path: string): boolean =>
  existing.has(path) ||
  existing.has(`agent/${path}`) ||
  files.some((file) => file.startsWith(`${path}.`) || file.startsWith(`${path}-`))

const words = new Set(
  [...code, ...withExtension('.yaml', '.json')].flatMap(
    (file) =>
      (file.endsWith('.ts') || file.endsWith('.rs') ? read(file).replaceAll(COMMENT, '') : read(file)).match(
        /\w+/g,
      ) ?? [],
  ),
)

/** The names in a text that do not exist. */
const missing = (text: string) => ({
  files: filesNamedIn(text).filter((name) => !isFile(name)),
  paths: pathsNamedIn(text).filter((path) => !isPath(path)),
  symbols: symbolsNamedIn(text).filter((name) => !words.has(name)),
})
const nothing = { files: [], paths: [], symbols: [] }

describe('reading names', () => {
  test('commentsIn finds comments and no strings', () =>
    expect(commentsIn("/** A. */\nconst url = 'http://b' // c\n//! d\n")).toBe('/** A. */\n// c\n//! d'))

  test('filesNamedIn finds file names', () =>
    expect(
      filesNamedIn(
        "decide.ts's (policy/plan.ts), docs/agent.md. https://a.example/no.md pod.spec x.yaml *.test.ts",
      ),
    ).toEqual(['decide.ts', 'policy/plan.ts', 'docs/agent.md']))

  test('pathsNamedIn finds paths', () =>
    expect(
      pathsNamedIn('deploy/base/webhook.yaml, src/policy/presets/: test/golden/*.yaml https://x/src/y'),
    ).toEqual(['deploy/base/webhook.yaml', 'src/policy/presets']))

  test('symbolsNamedIn finds symbols', () =>
    expect(
      symbolsNamedIn('`someName` and `call()` and `snake_name`, `--flag`, `word`, `a.b`, `Kind`'),
    ).toEqual(['someName', 'call', 'snake_name']))

  test('missing finds wrong names', () => {
    const comment =
      '/** As policy/no-such-file.ts and docs/no/such/page do: `noSuch\u0053ymbol()`, not policy/plan.ts. */'
    expect(missing(commentsIn(comment))).toEqual({
      files: ['policy/no-such-file.ts'],
      paths: ['docs/no/such/page'],
      symbols: ['noSuchSymbol'],
    })
  })
})

describe('every name exists', () => {
  test.each(code)('in comments of %s', (file) => expect(missing(commentsIn(read(file)))).toEqual(nothing))

  // Pages for users have symbols of Kubernetes, charts and metrics in backticks.
  test.each(pages)('in %s', (page) => expect({ ...missing(read(page)), symbols: [] }).toEqual(nothing))

  test.each(pages.filter((page) => /architecture|decisions|CONTRIBUTING/.test(page)))(
    'in %s, also every symbol',
    (page) => expect(missing(read(page)).symbols).toEqual([]),
  )
})
