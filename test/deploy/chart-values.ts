/** Reads deploy/chart/values.yaml: each value with its default, its description (`# --`, as helm-docs reads it) and its schema (`# @schema`, as helm-schema reads it). */
import { isMap, isPair, isScalar, type Pair, parse, parseDocument, type YAMLMap } from 'yaml'

export interface ChartValue {
  /** Dotted path, e.g. `webhook.replicas`. */
  path: string
  default: unknown
  description: string
  schema: JsonSchema
}

export type JsonSchema = { [key: string]: unknown }

/**
 * All values that have a description, in their order.
 * @throws if a value that is no group has none
 */
export function readChartValues(text: string): ChartValue[] {
  const { contents } = parseDocument(text)
  if (!isMap(contents)) throw new Error('values.yaml is no mapping')
  return valuesBelow(contents, [])
}

function valuesBelow(map: YAMLMap, above: readonly string[]): ChartValue[] {
  return map.items.flatMap((pair, index) => {
    const comment = commentOf(map, pair, index)
    const path = [...above, String(isScalar(pair.key) ? pair.key.value : pair.key)]
    const isGroup = isMap(pair.value) && pair.value.items.length > 0 && !comment.includes('-- ')
    if (isGroup && isMap(pair.value)) return valuesBelow(pair.value, path)
    const description = /^ ?-- (.*)$/m.exec(comment)?.[1]
    if (!description) throw new Error(`values.yaml: ${path.join('.')} has no description (# -- …)`)
    const value: unknown = isPair(pair) && pair.value ? JSON.parse(JSON.stringify(pair.value)) : null
    const [, own = ''] = /@schema\n([\s\S]*?)\n ?@schema/.exec(comment) ?? []
    const schema = { ...inferred(value), ...(parse(own) as JsonSchema | null) }
    return { path: path.join('.'), default: value, description, schema }
  })
}

/** The parser gives the comment before a map's first key to the map. */
function commentOf(map: YAMLMap, { key }: Pair, index: number): string {
  const own = isScalar(key) ? key.commentBefore : undefined
  return own ?? (index === 0 ? map.commentBefore : undefined) ?? ''
}

function inferred(value: unknown): JsonSchema {
  if (Array.isArray(value)) return { type: 'array' }
  if (typeof value === 'number') return { type: 'integer', minimum: 0 }
  return { type: value === null ? 'null' : typeof value }
}

/** The strict JSON schema of all values: no value may have a name that the chart does not know. */
export function schemaOf(values: readonly ChartValue[]): JsonSchema {
  const root: JsonSchema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the chart hotreload',
    ...group(),
  }
  for (const { path, description, schema, default: fallback } of values) {
    const names = path.split('.')
    const last = names.pop() ?? ''
    let properties = root['properties'] as JsonSchema
    for (const name of names) {
      properties[name] ??= group()
      properties = (properties[name] as JsonSchema)['properties'] as JsonSchema
    }
    properties[last] = { description, ...schema, default: fallback }
  }
  // Helm passes the values of a parent chart under this key.
  ;(root['properties'] as JsonSchema)['global'] = { type: 'object' }
  return root
}

const group = (): JsonSchema => ({ type: 'object', additionalProperties: false, properties: {} })

/** The table of helm-docs. */
export function valuesTable(values: readonly ChartValue[]): string {
  const rows = values.map(({ path, description, schema, default: fallback }) => {
    const type = [schema['type']].flat().join(' or ')
    return `| ${path} | ${type} | \`${JSON.stringify(fallback)}\` | ${description.replaceAll('|', '\\|')} |`
  })
  return ['| Key | Type | Default | Description |', '|-----|------|---------|-------------|', ...rows].join(
    '\n',
  )
}
