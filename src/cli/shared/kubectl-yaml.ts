/** Reads one YAML document as kubectl does, whose parser (go-yaml) takes more than the specification allows. Pure. */
import { Composer, type Document, Lexer, LineCounter, Parser, type Tags, type YAMLParseError } from 'yaml'

/** A document's value, or its first mistake and the line of it, from 1. */
export type YamlReading = { value: unknown } | { mistake: string; line: number }

/** The API server's YAML has no times: `2024-01-01` and `22:22` are strings. */
const isTime = (tag: Tags[number]): boolean =>
  typeof tag === 'object' && (tag.tag.endsWith(':timestamp') || ('format' in tag && tag.format === 'TIME'))

/** For a repeated key, the last value counts, as for kubectl (sigs.k8s.io/yaml). */
const options = {
  uniqueKeys: false,
  version: '1.1',
  customTags: (tags: Tags) => tags.filter((tag) => !isTime(tag)),
} as const

export function readYaml(text: string): YamlReading {
  const lines = new LineCounter()
  const parser = new Parser(lines.addNewLine)
  Reflect.set(parser, 'lexer', lenientLexer())
  const documents = [...new Composer(options).compose(parser.parse(text), true, text.length)]
  const [document] = documents
  const [error] = documents.flatMap(mistakesOf)
  if (error) return { mistake: sentenceOf(error), line: lines.linePos(error.pos[0]).line }
  if (documents.length > 1) {
    const line = lines.linePos(documents[1]?.range[0] ?? 0).line
    return { mistake: 'a document goes on after its end', line }
  }
  try {
    return { value: document?.toJS({ maxAliasCount: 1000 }) ?? null }
  } catch (error) {
    // Aliases of aliases, which would fill the memory, or an alias without an anchor.
    return { mistake: (error as Error).message, line: 1 }
  }
}

/** Go-yaml takes a comment without a blank before it. */
const mistakesOf = ({ errors }: Document): YAMLParseError[] =>
  errors.filter(({ message }) => !message.startsWith('Comments must be separated'))

const sentenceOf = ({ message }: Error): string => (message.split('\n')[0] ?? '').replace(/ at line .*$/, '')

/** The states of the lexer in quotes and brackets, where go-yaml does not look at the indentation of a line. */
const freeStates = ['parseQuotedScalar', 'parseFlowCollection'] as const

/** @see node_modules/yaml/dist/parse/lexer.js: `indentNext` is the least indentation of the next line. */
function lenientLexer(): Lexer {
  const lexer = new Lexer()
  for (const state of freeStates) {
    const original: unknown = Reflect.get(lexer, state)
    if (typeof original !== 'function') continue
    Reflect.set(lexer, state, function* freely(): Generator<string, unknown> {
      const indent: unknown = Reflect.get(lexer, 'indentNext')
      Reflect.set(lexer, 'indentNext', 0)
      const next: unknown = yield* Reflect.apply(original, lexer, [])
      Reflect.set(lexer, 'indentNext', indent)
      return next
    })
  }
  return lexer
}
