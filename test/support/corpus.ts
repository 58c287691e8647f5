/** The manifests that a test runs over: the inputs of the golden files, and those of the folder that CORPUS names, which is no part of the repository. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { withAnnotations } from '../../src/policy/mirror.ts'
import { type ApiObject, podTemplate, withPodTemplate } from '../../src/workload/pod-template.ts'
import { keys } from './builders.ts'

const folders = [
  join(import.meta.dirname, '../golden'),
  ...(process.env['CORPUS'] ? [process.env['CORPUS']] : []),
]

/** Golden files of what is refused. */
const refused = new Set(['mistakes.yaml', 'ways-refused.yaml'])

export const corpus = folders.flatMap((folder) =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.yaml') && !file.endsWith('.expected.yaml') && !refused.has(file))
    .map((name) => ({ name, path: join(folder, name) })),
)

/** The same manifest, whose every program is said to watch its files by itself: every subPath is to be made live. */
export const withNone = (object: ApiObject): ApiObject => {
  const template = podTemplate(object)
  if (!template) return object
  const annotations = { ...template.metadata?.annotations, ...keys({ reload: 'none' }) }
  // A way that the workload names would contradict its template.
  const { 'hotreload.dev/reload': _, ...own } = object.metadata?.annotations ?? {}
  return withPodTemplate(
    { ...object, metadata: { ...object.metadata, annotations: own } },
    withAnnotations(template, annotations),
  )
}
