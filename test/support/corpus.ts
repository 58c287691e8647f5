/** Manifests for tests: the inputs of the golden files, and a folder outside the repository that CORPUS names. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { withAnnotations } from '../../src/policy/mirror.ts'
import { type ApiObject, podTemplate, withPodTemplate } from '../../src/workload/pod-template.ts'
import { keys } from './builders.ts'

const folders = [
  join(import.meta.dirname, '../golden'),
  ...(process.env['CORPUS'] ? [process.env['CORPUS']] : []),
]

/** Golden files that injection refuses. */
const refused = new Set(['mistakes.yaml', 'methods-refused.yaml'])

export const corpus = folders.flatMap((folder) =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.yaml') && !file.endsWith('.expected.yaml') && !refused.has(file))
    .map((name) => ({ name, path: join(folder, name) })),
)

/** The same manifest with `reload: none`: each program watches its files itself, so that every subPath must be updated. */
export const withReloadNone = (object: ApiObject): ApiObject => {
  const template = podTemplate(object)
  if (!template) return object
  const annotations = { ...template.metadata?.annotations, ...keys({ reload: 'none' }) }
  // A method on the workload would contradict its template.
  const { 'hotreload.dev/reload': _, ...own } = object.metadata?.annotations ?? {}
  return withPodTemplate(
    { ...object, metadata: { ...object.metadata, annotations: own } },
    withAnnotations(template, annotations),
  )
}
