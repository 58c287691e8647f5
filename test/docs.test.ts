/** Pages that are generated from tables in the code (`npx vitest run --project unit test/docs.test.ts -u`), and rules for all pages: complete, with correct links and short paragraphs. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { defaultTemplate, parseTemplate, placeholders } from '../src/alerts/sink.ts'
import { eventReasons } from '../src/controller/report/report.ts'
import {
  type Annotation,
  annotations,
  PAUSE,
  PREFIX,
  SHARE_WITH,
  written,
} from '../src/policy/annotations.ts'
import { builtInDefaults } from '../src/policy/defaults.ts'
import { methodNames, methodOf, methodRow } from '../src/policy/methods/reload-methods.ts'
import type { Preset, Way } from '../src/policy/presets/preset.ts'
import { ofEveryImage } from '../src/policy/presets/preset-paths.ts'
import { type PresetName, presetReload, presets } from '../src/policy/presets/presets.ts'
import { VARIANTS, wrappers } from '../src/policy/presets/recognise.ts'
import { CA_LIFE_MILLISECONDS, SERVING_LIFE_MILLISECONDS } from '../src/tls/issue.ts'
import { kindLabel, type WorkloadKind, workloadKinds } from '../src/workload/kinds.ts'

const ROOT = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const filesIn = (directory: string, extension: string) =>
  readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(extension))
    .map((file) => join(directory, file))

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

const cell = (text: string): string => text.replaceAll('|', String.raw`\|`)

function annotationRow([name, annotation]: [string, Annotation]): string[] {
  const { values, doc, perContainer, inTemplate } = annotation
  const where = inTemplate ? 'workload or template' : 'workload'
  return [`\`${name}\``, cell(values), cell(doc), where, perContainer ? 'yes' : '']
}

/** The kinds as sentences name them; other kinds have their label. */
const kindNames: Readonly<Record<string, string>> = {
  Rollout: 'Argo Rollout',
  CloneSet: 'OpenKruise CloneSet',
  'StatefulSet.apps.kruise.io': 'Advanced StatefulSet',
}
const nameOf = (kind: WorkloadKind): string => kindNames[kindLabel(kind)] ?? kindLabel(kind)
const kinds = workloadKinds.map(nameOf)

const annotationsPage = `# Annotations

Generated from the table in src/policy/annotations.ts; a test keeps it so. All keys begin with \`${PREFIX}\`.

They belong on a workload (${kinds.slice(0, -1).join(', ')} or ${kinds.at(-1)}) or on its pod template. hotreload
copies the workload's into its template, so that both places do the same. Where the two disagree, the workload is denied. A bare Pod carries them itself.

${table(
  ['key', 'values, default first', 'meaning', 'where', 'container suffix'],
  Object.entries(annotations).map((entry) => annotationRow(entry)),
)}

A container suffix limits a key to one container: \`${PREFIX}signal.web\`. The part behind the slash has 63 characters at most; where that is not enough, use \`${PREFIX}container\`.

An unknown key gets a warning that suggests the most similar known one. A mistaken value denies the workload ([errors](errors.md)), and only where it changed in that request.

## Written by hotreload

${table(
  ['key', 'meaning'],
  Object.entries(written).map(([name, doc]) => [`\`${name}\``, doc]),
)}

## On ConfigMaps and Secrets

| key | meaning |
|---|---|
| \`${PAUSE}\` | While it is \`"true"\`, no change of this object rolls out or nudges. |
| \`${SHARE_WITH}\` | Namespaces, separated by commas, whose workloads may depend on this object of another namespace. Without it Wave's \`NAMESPACE/NAME\` is left out, with the Event \`SourceNotShared\`. There is no wildcard: whoever may create a namespace would learn when the object changes. |

## Containers left out

These belong to other injectors and are never touched unless \`${PREFIX}container\` names one; a policy file adds to the list:
${[...builtInDefaults.excludedContainers].map((name) => `\`${name}\``).join(', ')}.
`

const labelOf = (name: PresetName): string => {
  const reload = presetReload(name, { name: 'any' })
  return methodOf(reload).label(reload)
}

/** What makes the agent say that the program has loaded a change. */
function proofOf(name: PresetName): string {
  const reload = presetReload(name, { name: 'any' })
  if (reload.method === 'http') return 'its answer'
  if (reload.method !== 'signal') return ''
  const { confirm } = reload
  if (confirm === undefined) return 'nothing'
  return confirm === 'workers' ? 'new workers' : `\`${confirm.metric}\``
}

/** Presets grouped by their effect without further flags. */
const overview = table(
  ['on a change', 'programs'],
  [
    ...Map.groupBy(Object.keys(presets) as PresetName[], (name) => {
      const reload = presetReload(name, { name: 'any' })
      if (reload.method === 'http') return `\`${reload.httpMethod} ${new URL(reload.url).pathname}\``
      return reload.method === 'rollout' ? 'new Pods; some do better with a flag of theirs' : labelOf(name)
    }),
  ].map(([method, names]) => [method, names.join(', ')]),
)

const enumeratedVariants = [...VARIANTS].map((one) => `\`${one}\``).join(', ')
const enumeratedWrappers = [...wrappers.keys()].map((one) => `\`${one}\``).join(', ')
const wayLabels: Record<Way, string> = {
  reload: 'as the program itself',
  none: 'watched',
  rollout: 'rollout',
  ignore: 'no effect',
}

/** `/etc/nginx/templates/`: rollout (the entry point renders …) */
const pathRows = (paths: Preset['paths'] = []): string[] =>
  (typeof paths === 'function' ? paths({ name: 'any' }) : paths).flatMap(({ under, way, because }) =>
    under.length === 0
      ? []
      : `${under[0] === '/' ? 'elsewhere' : under.map((path) => `\`${path}\``).join(', ')}: ${wayLabels[way]} (${because})`,
  )

const fileVariables = (names: Preset['initialVariables'] = []): string[] =>
  names.length === 0
    ? []
    : [
        `files of ${names.map((name) => `\`${name}\``).join(', ')}: no effect (they count in an empty database only)`,
      ]

const programsPage = `# Programs

Generated from the tables in src/policy/presets/; a test keeps it so. Other programs roll out, until \`${PREFIX}preset\`, \`signal\` or \`url\` says
how they reload: [reload methods](reload.md).

## How a program is recognised

The last segment of the image's name is one of the names below, or one of them with the word of a variant behind it: ${enumeratedVariants}. So \`haproxy-alpine\` is haproxy. A name with a
slash is that of the image and its owner. A tag with the word \`fpm\`, as in \`php:8.3-fpm\`, is php-fpm.

Where the container sets a \`command\`, the last segment of its first word counts instead, and hotreload looks through wrappers that end as another program: ${enumeratedWrappers}. A shell
is looked through where its script begins with \`exec\`, as in \`sh -c "exec nginx …"\`: any other script may do more than start the program, which is then not known.

A container that is not recognised, though its image's name begins or ends like a program's, gets a warning that names \`${PREFIX}preset\`. Nothing is signalled before you set it.

${overview}

## All programs

${table(
  [
    'preset',
    'recognised names',
    'without further flags',
    'what happens',
    'other paths',
    'a reload is confirmed by',
    'to validate',
    'proved',
    'source',
  ],
  Object.entries(presets as Record<string, Preset>).map(
    ([name, { names, doc, paths, initialVariables, validate, check, proved, source }]) => [
      `\`${name}\``,
      names.map((one) => `\`${one}\``).join(', '),
      labelOf(name as PresetName),
      cell(doc),
      cell([...pathRows(paths), ...fileVariables(initialVariables)].join('; ')),
      proofOf(name as PresetName),
      validate ? `\`${validate}\`${check ? ', `preset`' : ''}` : '',
      proved === true ? 'yes' : (proved ?? 'not tested'),
      cell(source),
    ],
  ),
)}

**A reload is confirmed by**: after that the agent's state is \`loaded\`; without it, \`signalled\`, or \`unconfirmed\` ([the agent](agent.md#how-a-reload-is-proved)). With \`nothing\` the state stays
\`signalled\`: the program says in its log at most, or only to those who have a password, whether it took the change. \`${PREFIX}signal\` of your own has no proof either.

**Other paths** say what a change under a path does, where that is not what the program does otherwise. A mount that holds several of them takes the one that demands most.

Of every image these roll out, because entry points read them when the container starts: ${ofEveryImage.flatMap(({ under }) => under.map((path) => `\`${path}\``)).join(', ')}. A volume
into which a variable named \`…_FILE\` points rolls out, too, unless the table says otherwise. [\`${PREFIX}volume-reload\`](annotations.md) overrules all of it.

**To validate** is a value for \`${PREFIX}validate\`, with your own paths. Nothing runs it until you set it: images and paths differ. Set it where a mistake in the configuration
ends the program. With \`preset\` hotreload takes the files from the container's own command line ([gate](gate.md)).

**Proved**: a test of hotreload changes the ConfigMap of the real program (Debian's package, or the project's own) on a real node, and sees the new value in effect in the same process.
For a rollout, it proves that a signal would not have brought the new value. At releases: the program takes minutes to build, or needs a device of the machine, so that the test is no part of each run.

Where it says that a program is **not tested**, the row rests on its source: no package registry that the tests use has a current version of the program, its licence (AGPL, BUSL) keeps it out of the tests, or nobody has written the test.
`

const autoRow = [
  '`auto` (default)',
  "the method that `signal`, `url` or `command` implies; without any of them the preset's; without a preset `rollout`",
  'nothing',
  'two of the three are set: the workload is denied, and you choose one',
  "always, unless you want another method than the preset's",
]
const methodTable = table(
  ['`reload`', 'what happens after a change', 'what it needs', 'what can go wrong', 'take it when'],
  [
    autoRow,
    ...methodNames.map((name) => {
      const { happens, needs, risks, takeWhen } = methodRow(name).doc
      return [`\`${name}\``, happens, needs, risks, takeWhen]
    }),
  ],
)
const reloadPage = read('docs/reload.md').replace(
  /(<!-- generated .*-->\n)[^]*(<!-- end -->)/,
  (_, begin: string, end: string) => `${begin}${methodTable}\n${end}`,
)

describe('generated from the code', () => {
  test('the methods in docs/reload.md', () =>
    expect(reloadPage).toMatchFileSnapshot(join(ROOT, 'docs/reload.md')))
  test('docs/reload.md has a section for each method', () => {
    const sections = new Set([...reloadPage.matchAll(/^## (.*)$/gm)].map(([, name]) => name))
    expect(methodNames.filter((name) => !sections.has(name))).toEqual([])
  })
  test('docs/annotations.md', () =>
    expect(annotationsPage).toMatchFileSnapshot(join(ROOT, 'docs/annotations.md')))
  test('docs/programs.md', () => expect(programsPage).toMatchFileSnapshot(join(ROOT, 'docs/programs.md')))
})

test.each([
  ['docs/security.md', workloadKinds],
  ['docs/limits.md', workloadKinds.filter(({ runs, isCustom }) => runs || isCustom)],
])('%s names its kinds of workloads', (path, kindsOfPage) =>
  expect(kindsOfPage.map(nameOf).filter((name) => !read(path).includes(`${name}s`))).toEqual([]),
)

describe('docs/alerts.md', () => {
  const page = read('docs/alerts.md')

  test('has a row for each reason', () =>
    expect(Object.values(eventReasons).filter((reason) => !page.includes(`\n| \`${reason}\` |`))).toEqual([]))

  test('names each placeholder', () =>
    expect(page).toContain(
      placeholders
        .map((one) => `\`${one}\``)
        .join(', ')
        .replace(/, (?=[^,]*$)/, ' and '),
    ))

  test('every JSON block is a template', () => {
    const blocks = [...page.matchAll(/^```json\n([^]*?)^```$/gm)].map(([, text = '']) => text.trim())
    expect(blocks).toContain(defaultTemplate)
    for (const block of blocks) expect(() => parseTemplate(block)).not.toThrow()
  })
})

test('README.md says how many programs hotreload knows, to the nearest ten below', () =>
  expect(read('README.md')).toContain(`some ${Math.floor(Object.keys(presets).length / 10) * 10} programs`))

test('docs/install.md says how long our certificates are valid', () => {
  const days = (milliseconds: number) => `| ${milliseconds / 86_400_000} days |`
  expect(read('docs/install.md')).toContain(`\`hotreload-ca\` ${days(CA_LIFE_MILLISECONDS)}`)
  expect(read('docs/install.md')).toContain(`\`hotreload-serving\` ${days(SERVING_LIFE_MILLISECONDS)}`)
})

test('docs/architecture.md names files that exist', () => {
  const rows = read('docs/architecture.md').match(/^\| (?!`).* \|$/gm) ?? []
  const named = rows.flatMap((row) =>
    [...row.matchAll(/`([\w/-]+\/[\w-]*(?:\.\w+)?)`/g)].map(([, path = '']) => path),
  )
  const exists = (path: string) => [path, `src/${path}`].some((one) => existsSync(join(ROOT, one)))
  expect(named.length).toBeGreaterThan(30)
  expect(named.filter((path) => !exists(path))).toEqual([])
})

describe('docs/errors.md', () => {
  const page = read('docs/errors.md')
  const codes = new Set(
    [...filesIn('src', '.ts'), ...filesIn('agent/src', '.rs')]
      .filter((file) => file !== 'src/errors.ts')
      .flatMap((file) => read(file).match(/\bHR_[A-Z_]+\b/g) ?? []),
  )

  test('explains every code in a row of a table', () => {
    const rows = page.split('\n').filter((line) => line.startsWith('|'))
    const unexplained = [...codes].filter((code) => !rows.some((row) => row.includes(`\`${code}\``)))
    expect(unexplained).toEqual([])
  })

  test('names only codes of the source', () =>
    expect((page.match(/\bHR_[A-Z_]+\b/g) ?? []).filter((code) => !codes.has(code))).toEqual([]))
})

test('docs/agent.md names only log messages of the agent', () => {
  const [, rows = ''] = /^## Log\n([^]*?)^## /m.exec(read('docs/agent.md')) ?? []
  const named = [...rows.matchAll(/^\| (`.*?) \| /gm)].flatMap(
    ([, first = '']) => first.match(/(?<=`)[^`,][^`]*(?=`)/g) ?? [],
  )
  const source = filesIn('agent/src', '.rs').map(read).join('\n')
  expect(named.length).toBeGreaterThan(30)
  expect(named.filter((message) => !source.includes(`"${message}"`))).toEqual([])
})

test('every page that the code names exists', () => {
  const named = filesIn('src', '.ts').flatMap((file) => read(file).match(/\bdocs\/[\w/-]+\.md\b/g) ?? [])
  const existing = new Set(filesIn('docs', '.md'))
  expect(named.length).toBeGreaterThan(3)
  expect([...new Set(named)].filter((page) => !existing.has(page))).toEqual([])
})

const pages = ['README.md', 'CONTRIBUTING.md', ...filesIn('docs', '.md')]

/** Anchors of a page's headings, built as GitHub does. */
const anchorsOf = (page: string): Set<string> =>
  new Set(
    [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w\s-]/g, '')
        .replaceAll(/\s/g, '-'),
    ),
  )

describe('links between documents', () => {
  test('anchorsOf builds anchors as GitHub does', () =>
    expect(anchorsOf("# In an agent's status and log\n\n## `env: restart`, twice")).toEqual(
      new Set(['in-an-agents-status-and-log', 'env-restart-twice']),
    ))

  test.each(pages)('%s links only to files and headings that exist', (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)]
    const missing = links.filter(([, file = '', anchor]) => {
      const target = file === '' ? page : join(page, '..', file)
      if (!existsSync(join(ROOT, target))) return true
      return anchor !== undefined && !anchorsOf(read(target)).has(anchor)
    })
    expect(missing.map(([link]) => link)).toEqual([])
  })
})

/** The plain paragraphs of a page: no code, tables, lists, headings or comments. */
const paragraphsOf = (page: string): string[] =>
  page
    .replaceAll(/^```[^]*?^```$/gm, '')
    .split(/\n\s*\n/)
    .map((block) => block.trim())
    .filter((block) => /^[^|#<>\d\s-]/.test(block))

/** A colon ends no sentence. Inline code counts as one word, and a label such as `**Context.**` does not count. */
const sentencesIn = (paragraph: string): number =>
  paragraph
    .replace(/^\*\*[^*]*\*\*/, '')
    .replaceAll(/`[^`]*`/g, 'code')
    .match(/[.!?](?=["')*]*(\s|$))/g)?.length ?? 0

describe('paragraphs have four sentences at most', () => {
  test('sentencesIn counts sentences', () => {
    expect(paragraphsOf('# A. b.\n\nOne. Two `x. y`.\nThree?\n\n- a. b. c.\n\n| a. |\n')).toEqual([
      'One. Two `x. y`.\nThree?',
    ])
    expect(sentencesIn('One. Two `x. y`.\nThree? (Four.) 5.0 is no end: **five.**')).toBe(5)
  })

  test.each(pages)('%s', (page) =>
    expect(paragraphsOf(read(page)).filter((paragraph) => sentencesIn(paragraph) > 4)).toEqual([]),
  )
})

test('README.md fits two screens', () => expect(read('README.md').split('\n').length).toBeLessThan(100))

test('docs/architecture.md has a row for each folder of src', () => {
  const folders = readdirSync(join(ROOT, 'src'), { withFileTypes: true }).filter((one) => one.isDirectory())
  const page = read('docs/architecture.md')
  expect(folders.map(({ name }) => name).filter((name) => !page.includes(`\n| \`${name}\` | `))).toEqual([])
})
