/** Reads manifests as kubectl does: a stream of YAML 1.1 or JSON documents. Unchanged documents are written back byte for byte. */
import { stringify } from 'yaml'
import { UserError } from '../../errors.ts'
import { isObject } from '../../workload/json-object.ts'
import { type ApiObject } from '../../workload/pod-template.ts'
import { readYaml } from './kubectl-yaml.ts'

/** A document's text between two separators, with the separator line before it. */
interface Part {
  separator: string
  text: string
}

/**
 * Calls `change` for each object of the API, the items of Lists included, and writes the stream with the results. A document with a mistake stays as
 * it is, and the others are read all the same.
 * @param change returns the same object to leave it unchanged
 * @param refuse gets the mistake, HR_BAD_YAML that names `file` and the line; by default it is thrown
 */
export function mapObjects(
  stream: string,
  file: string,
  change: (object: ApiObject) => ApiObject,
  refuse: (mistake: UserError) => void = rethrow,
): string {
  let line = 1
  return split(stream)
    .map(({ separator, text }) => {
      const at = line + (separator ? 1 : 0)
      line = at + (text.match(/\n/g)?.length ?? 0)
      const reading = isSeparator(separator) ? readYaml(text) : BAD_SEPARATOR
      if ('mistake' in reading) {
        const where = `${file}:${at + reading.line - 1}`
        refuse(new UserError('HR_BAD_YAML', `${where}: ${reading.mistake}`, 'correct the document'))
        return separator + text
      }
      const { value } = reading
      const after = isOfTheApi(value) ? mapObject(value, change) : value
      return separator + (after === value ? text : write(after, text))
    })
    .join('')
}

function rethrow(mistake: UserError): never {
  throw mistake
}

const BAD_SEPARATOR = { mistake: 'a line of --- may hold nothing but a comment', line: 0 }

/** Whether it may be an object of the API. A file of another program may say `apiVersion: 1`, as Grafana's do. */
const isOfTheApi = (value: unknown): value is ApiObject =>
  isObject(value) &&
  [value['apiVersion'], value['kind']].every((text) => text === undefined || typeof text === 'string')

function mapObject(object: ApiObject, change: (object: ApiObject) => ApiObject): ApiObject {
  if (!object.kind?.endsWith('List') || !Array.isArray(object.items)) return change(object)
  const items = object.items as unknown[]
  const mapped = items.map((item) => (isOfTheApi(item) ? mapObject(item, change) : item))
  return mapped.every((item, index) => item === items[index]) ? object : { ...object, items: mapped }
}

/** Kubectl splits at each line that begins with `---` (apimachinery, pkg/util/yaml, YAMLReader). */
function split(stream: string): Part[] {
  const parts: Part[] = []
  let end = 0
  let separator = ''
  for (const match of stream.matchAll(/^---[^\n]*(\n|$)/gm)) {
    parts.push({ separator, text: stream.slice(end, match.index) })
    separator = match[0]
    end = match.index + separator.length
  }
  parts.push({ separator, text: stream.slice(end) })
  return parts
}

/** It takes blanks and a comment in that line only. */
const isSeparator = (line: string): boolean => /^(---\s*(#.*)?)?\s*$/.test(line)

/** The mistake of an object whose fields are not of the API's types, such as a list where a mapping must be. */
export function malformed(object: ApiObject): UserError {
  const name = `${object.kind ?? 'object'} ${object.metadata?.name ?? ''}`.trim()
  return new UserError(
    'HR_BAD_MANIFEST',
    `${name}: a field has another type than in the API`,
    'kubectl apply --dry-run=server names it',
  )
}

function write(value: unknown, original: string): string {
  if (original.trimStart().startsWith('{')) return `${JSON.stringify(value, null, 2)}\n`
  return stringify(value, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false })
}
