import { describe, expect, test } from 'vitest'
import { parseDocument } from 'yaml'
import { mapObjects } from '../../../src/cli/shared/manifest.ts'
import type { ApiObject } from '../../../src/workload/pod-template.ts'

const untouched = (stream: string) => mapObjects(stream, 'f.yaml', (object) => object)
const seen = (stream: string): ApiObject[] => {
  const objects: ApiObject[] = []
  mapObjects(stream, 'f.yaml', (object) => (objects.push(object), object))
  return objects
}
const marked = (stream: string) => mapObjects(stream, 'f.yaml', (object) => ({ ...object, marked: true }))

describe('unchanged documents are written back byte for byte', () => {
  test.each([
    ['nothing', ''],
    ['blank lines', '\n\n'],
    ['a comment', '# hello\n'],
    ['odd spacing', 'kind:   A\n\n\nmetadata: {name:  x}\n'],
    ['separators with comments', 'kind: A\n--- # next\nkind: B\n---\t\n---\n'],
    ['a separator first', '---\nkind: A\n'],
    ['no newline at the end', 'kind: A\n---\nkind: B'],
    ['Windows line ends', 'kind: A\r\n---\r\nkind: B\r\n'],
    ['a separator inside text', 'kind: A\ndata:\n  x: |\n    a\n    ---\n    b\n'],
    ['JSON', '{"kind":"A"}\n'],
    ['anchors', 'kind: A\na: &x {b: c}\nd: *x\n'],
    ['scalars', 'just text\n---\n5\n---\n- a\n'],
  ])('%s', (_, stream) => expect(untouched(stream)).toBe(stream))
})

describe('YAML is the API server’s', () => {
  const data = (text: string) => (seen(`kind: A\nv: ${text}\n`)[0] ?? {})['v']

  test.each<[text: string, value: unknown]>([
    ['0644', 420],
    ['0o644', '0o644'],
    ['on', true],
    ['"on"', 'on'],
    ['no', false],
    ['22:22', '22:22'],
    ['2024-01-01', '2024-01-01'],
    ['2024-01-01T10:00:00Z', '2024-01-01T10:00:00Z'],
    ['1_000', 1000],
    ['~', null],
    ['0x1F', 31],
  ])('%s', (text, value) => expect(data(text)).toEqual(value))

  test('what is written has the same meaning there', () => {
    const values = [
      'on',
      'y',
      'NO',
      '0644',
      '22:22',
      '2024-01-01',
      '1e3',
      '~',
      'null',
      '',
      ' x',
      '#',
      '- a',
      'a: b',
      '0x1F',
      '1_000',
      '=',
      '<<',
      '.5',
      '+1',
    ]
    const written = marked(`kind: A\nv: ${JSON.stringify(values)}\n`)
    expect(parseDocument(written, { version: '1.1' }).toJS().v).toEqual(values)
  })
})

// Each was tried against kubectl create --dry-run=server 1.36.3.
describe('what kubectl takes is taken', () => {
  test.each<[what: string, text: string, value: unknown]>([
    [
      'single quotes that close at the column of their key',
      '\n  a: \'[\n    {"b": 1}\n  ]\'\n',
      '[ {"b": 1} ]',
    ],
    ['double quotes that go on at the column of their key', '\n  a: "x\n  y"\n', 'x y'],
    ['double quotes that go on further left', '\n  a: "x\n y"\n', 'x y'],
    [
      'a mapping in brackets at the column of its key',
      '\n  a: {\n  b: 1,\n  c: "x\n  y"\n  }\n',
      { b: 1, c: 'x y' },
    ],
    ['a list in brackets at the column of its key', '\n  a: [\n  1,\n  [2,\n 3]\n  ]\n', [1, [2, 3]]],
    ['a comment without a blank before it', '\n  a: "x"#comment\n', 'x'],
  ])('%s', (_, text, a) =>
    expect(seen(`kind: A\nv:${text}  z: 1\nlast: 2\n`)).toEqual([{ kind: 'A', v: { a, z: 1 }, last: 2 }]),
  )

  test('and what it refuses is refused', () => {
    for (const text of ['"x\n', '[\n  1\n', '@x\n', '`x`\n', '\n\tb: 1\n', '"\\q"\n'])
      expect(() => seen(`kind: A\nv: ${text}`)).toThrow('HR_BAD_YAML')
  })
})

describe('a mistake in one document', () => {
  test('leaves the others', () => {
    const [objects, mistakes]: [ApiObject[], string[]] = [[], []]
    const stream = 'kind: A\n---\nkind: "B\n--- kind: C\nx: 1\n---\nkind: D\n'
    const result = mapObjects(
      stream,
      'f.yaml',
      (object) => (objects.push(object), object),
      ({ message }) => mistakes.push(message),
    )
    expect(result).toBe(stream)
    expect(objects.map(({ kind }) => kind)).toEqual(['A', 'D'])
    expect(mistakes).toEqual([
      expect.stringMatching(/^f\.yaml:[34]: Missing closing "quote/),
      'f.yaml:4: a line of --- may hold nothing but a comment; correct the document [HR_BAD_YAML]',
    ])
  })
})

describe('objects', () => {
  test('the items of Lists come one by one, nested Lists included', () => {
    const list =
      'kind: List\nitems:\n- kind: A\n- kind: ListOfB\n- kind: DeploymentList\n  items: [{kind: C}]\n'
    expect(seen(list).map(({ kind }) => kind)).toEqual(['A', 'ListOfB', 'C'])
  })

  test.each([
    'apiVersion: 1\ndatasources: []\n',
    'kind: 5\n',
    'kind:\n',
    'kind: List\nitems: [{kind: true}]\n',
  ])('what another program reads is none: %j', (stream) => {
    expect(seen(stream)).toEqual([])
    expect(untouched(stream)).toBe(stream)
  })

  test('only the changed document is rewritten', () => {
    const stream = '# a\nkind:  A\n---\n# b\nkind:  B\n'
    const result = mapObjects(stream, 'f.yaml', (object) =>
      object.kind === 'B' ? { ...object, x: 1 } : object,
    )
    expect(result).toBe('# a\nkind:  A\n---\nkind: B\nx: 1\n')
  })

  test('for a repeated key, the last value counts, as for kubectl', () =>
    expect(seen('kind: A\nv: 1\nv: 2\n')[0]).toEqual({ kind: 'A', v: 2 }))

  test('JSON stays JSON', () =>
    expect(JSON.parse(marked('{"kind":"A"}'))).toEqual({ kind: 'A', marked: true }))

  test('long lines are not folded', () => {
    const long = 'x '.repeat(200).trim()
    expect(marked(`kind: A\nv: ${long}\n`)).toContain(`v: ${long}\n`)
  })
})

describe('an error of YAML names the file and the line', () => {
  test.each([
    ['kind: A\nx: [\n', 'f.yaml:3: '],
    ['kind: A\n---\nkind: B\nx: "\n', 'f.yaml:5: '],
    ['kind: A\n--- # c\n---\n\tkind: B\n', 'f.yaml:4: '],
    ['kind: A\nv: *nothing\n', 'f.yaml:'],
  ])('%j', (stream, at) => {
    expect(() => untouched(stream)).toThrow(at)
    expect(() => untouched(stream)).toThrow('HR_BAD_YAML')
  })

  test('a bomb of aliases is refused', () => {
    const levels = Array.from(
      { length: 9 },
      (_, level) => `a${level + 1}: &a${level + 1} [${`*a${level},`.repeat(9)}]`,
    )
    expect(() => untouched(`kind: A\na0: &a0 [x]\n${levels.join('\n')}\n`)).toThrow('HR_BAD_YAML')
  })
})
