/** Reads manifests as kubectl does: a stream of YAML 1.1 or JSON documents. Unchanged documents are written back byte for byte. */
import { parseDocument, stringify, type Tags } from 'yaml'
import { UserError } from '../../errors.ts'
import { isObject } from '../../workload/json-object.ts'
import { type ApiObject } from '../../workload/pod-template.ts'

/** A document's text between two separators, with the separator line before it. */
interface Part {
  separator: string
  text: string
}

/**
 * Calls `change` for each object, the items of Lists included, and writes the stream with the results.
 * @param change returns the same object to leave it unchanged
 * @throws UserError HR_BAD_YAML that names `file` and the line
 */
export function mapObjects(stream: string, file: string, change: (object: ApiObject) => ApiObject): string {
  let line = 1
  return split(stream)
    .map(({ separator, text }) => {
      const at = line + (separator ? 1 : 0)
      line = at + (text.match(/\n/g)?.length ?? 0)
      const before = read(text, file, at)
      const after = isObject(before) ? mapObject(before, change) : before
      return separator + (after === before ? text : write(after, text))
    })
    .join('')
}

function mapObject(object: ApiObject, change: (object: ApiObject) => ApiObject): ApiObject {
  if (!object.kind?.endsWith('List') || !Array.isArray(object.items)) return change(object)
  const items = object.items as unknown[]
  const mapped = items.map((item) => (isObject(item) ? mapObject(item, change) : item))
  return mapped.every((item, index) => item === items[index]) ? object : { ...object, items: mapped }
}

/** kubectl splits at lines with `---` and nothing but blanks or a comment after it (apimachinery, pkg/util/yaml, YAMLReader). */
function split(stream: string): Part[] {
  const parts: Part[] = []
  let end = 0
  let separator = ''
  for (const match of stream.matchAll(/^---[ \t]*(#[^\n]*)?\r?(\n|$)/gm)) {
    parts.push({ separator, text: stream.slice(end, match.index) })
    separator = match[0]
    end = match.index + separator.length
  }
  parts.push({ separator, text: stream.slice(end) })
  return parts
}

/** The API server's YAML has no times: `2024-01-01` and `22:22` are strings. */
const isTime = (tag: Tags[number]): boolean =>
  typeof tag === 'object' && (tag.tag.endsWith(':timestamp') || ('format' in tag && tag.format === 'TIME'))

function read(text: string, file: string, line: number): unknown {
  const document = parseDocument(text, {
    // For a repeated key, the last value counts, as for kubectl (sigs.k8s.io/yaml).
    uniqueKeys: false,
    version: '1.1',
    customTags: (tags) => tags.filter((tag) => !isTime(tag)),
  })
  const [error] = document.errors
  if (error) {
    const at = line + (error.linePos?.[0].line ?? 1) - 1
    throw new UserError(
      'HR_BAD_YAML',
      `${file}:${at}: ${error.message.split('\n')[0]?.replace(/ at line .*$/, '')}`,
      'correct the document',
    )
  }
  try {
    return document.toJS({ maxAliasCount: 1000 })
  } catch (error) {
    // Aliases of aliases, which would fill the memory, or an alias without an anchor.
    throw new UserError('HR_BAD_YAML', `${file}:${line}: ${(error as Error).message}`, 'correct the document')
  }
}

function write(value: unknown, original: string): string {
  if (original.trimStart().startsWith('{')) return `${JSON.stringify(value, null, 2)}\n`
  return stringify(value, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false })
}
