/** Which namespaces an installed controller watches, as its Deployment says. */
import type { V1Deployment } from '@kubernetes/client-node'
import { asObject } from '../../api/response-body.ts'
import { commaList } from '../../compat/request/go-words.ts'
import type { KubeClient } from '../../kube/client.ts'
import { controllerFlags } from '../serve/controller-flags.ts'
import { CONTROLLER_NAME, INSTALL_NAMESPACE } from '../shared/install-names.ts'
import { containerOf, settingOf } from './settings.ts'

/** Undefined: all, or it is not known. @param deployment the controller's */
export function watchedNamespaces(deployment: V1Deployment | undefined): readonly string[] | undefined {
  const names = commaList(settingOf(containerOf(deployment), controllerFlags.watchNamespaces))
  return names.length > 0 ? names : undefined
}

/** Whether the install in the usual namespace acts in this one. Where the user may not read its Deployment, it counts as one that does. */
export async function readIsWatched(client: KubeClient, namespace: string): Promise<boolean> {
  const path = `/apis/apps/v1/namespaces/${INSTALL_NAMESPACE}/deployments/${CONTROLLER_NAME}`
  const { status, body } = await client.call({ method: 'GET', path })
  const watched = status === 200 ? watchedNamespaces(asObject<V1Deployment>(body)) : undefined
  return watched === undefined || watched.includes(namespace)
}
