/** Paths in the API: of workloads, and of what one namespace holds. */
import { type TemplateKind, type TypeMeta, templateKindOf } from '../workload/kinds.ts'
import type { Collection } from './api.ts'

export const NAMESPACES = '/api/v1/namespaces'

/** @param path of a collection in all namespaces. @returns the path of what one namespace holds of it */
export const pathWithin = (path: string, namespace: string): string =>
  path.replace(/\/([a-z]+)$/, `/namespaces/${namespace}/$1`)

/** All objects of a kind, in all namespaces. */
export const collectionOf = (kind: TemplateKind): Collection => ({
  path: `${versionPath(kind)}/${kind.plural}`,
  metadataOnly: false,
})

/** @throws TypeError for a kind that is not in the table of kinds */
export function pathOf({
  apiVersion,
  kind,
  namespace,
  name,
}: TypeMeta & { namespace: string; name?: string }): string {
  const found = templateKindOf({ apiVersion, kind })
  if (!found) throw new TypeError(`${apiVersion} ${kind} is no kind of workload`)
  return `${versionPath(found)}/namespaces/${namespace}/${found.plural}${name === undefined ? '' : `/${name}`}`
}

/** The core group has a path of its own. */
const versionPath = ({ apiVersion }: TemplateKind): string =>
  `/${apiVersion.includes('/') ? 'apis' : 'api'}/${apiVersion}`
