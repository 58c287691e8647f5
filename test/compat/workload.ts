// A workload with all that other tools' annotations can mean, and what a request on it comes to.
import { candidates, type ReloadRequest } from '../../src/compat/request/reload-request.ts'
import { deployment } from '../support/controller.ts'

const names = { ConfigMap: ['conf', 'conf-a', 'other'], Secret: ['db'], SecretProviderClass: ['vault'] }

/** A workload of namespace shop that uses ConfigMap conf (env) and Secret db (a mounted volume); Secret spare is in no mount. */
export function workload(metadata: Record<string, string>, template: Record<string, string> = {}) {
  const web = deployment('web', { metadata, template })
  const [container] = web.spec.template.spec.containers
  Object.assign(container ?? {}, {
    volumeMounts: [
      { name: 'db', mountPath: '/db' },
      { name: 'csi', mountPath: '/csi' },
    ],
  })
  Object.assign(web.spec.template.spec, {
    volumes: [
      { name: 'db', secret: { secretName: 'db' } },
      { name: 'spare', secret: { secretName: 'spare' } },
      {
        name: 'csi',
        csi: { driver: 'secrets-store.csi.k8s.io', volumeAttributes: { secretProviderClass: 'vault' } },
      },
    ],
  })
  return { ...web, metadata: { ...web.metadata, namespace: 'shop' } }
}
/** The sources that a request means; `?` where only those count that say `match`. */
export const chosen = (request: ReloadRequest | undefined) =>
  request &&
  candidates(request, 'shop', (kind) => names[kind]).map(
    ({ use, needsMatch }) => `${use.kind}/${use.name}${needsMatch ? '?' : ''}`,
  )
