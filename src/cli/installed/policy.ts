/** Reads the policy file of an installed hotreload, which its Deployments mount from a ConfigMap. */
import type { V1Container, V1Deployment, V1PodSpec } from '@kubernetes/client-node'
import { asObject } from '../../api/response-body.ts'
import { UserError } from '../../errors.ts'
import type { KubeClient } from '../../kube/client.ts'
import { builtInDefaults, type Defaults } from '../../policy/defaults.ts'
import { parseDefaults } from '../../policy/policy-file.ts'
import { property } from '../../workload/json-object.ts'
import { isAtOrBelow } from '../../workload/references.ts'
import { serveFlags } from '../serve/options.ts'
import { INSTALL_NAME, INSTALL_NAMESPACE } from '../shared/install-names.ts'
import { containerOf, settingOf } from './settings.ts'

/** `defaults` are the built-in ones where `note` says why no others are known, or `problem` what is wrong with the file. */
export interface ClusterPolicy {
  defaults: Defaults
  /** e.g. `ConfigMap hotreload-system/policy, key policy.yaml`; absent: the cluster has no policy file. */
  file?: string
  /** Why the file was not read. */
  note?: string
  problem?: UserError
}

const none: ClusterPolicy = { defaults: builtInDefaults }

/** Never rejects for a missing right. */
export async function readClusterPolicy(
  client: KubeClient,
  namespace = INSTALL_NAMESPACE,
): Promise<ClusterPolicy> {
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments/${INSTALL_NAME}`
  const { status, body } = await client.call({ method: 'GET', path })
  if (status === 403)
    return { ...none, note: `you may not get deployments/${INSTALL_NAME} in namespace ${namespace}` }
  if (status !== 200)
    return { ...none, note: `there is no Deployment ${INSTALL_NAME} in namespace ${namespace}` }
  const deployment = asObject<V1Deployment>(body)
  const container = containerOf(deployment)
  const file = settingOf(container, serveFlags.policy)
  if (container === undefined || file === undefined) return none
  const source = sourceOf(file, container, deployment.spec?.template.spec)
  return source ? readFrom(client, namespace, source) : { ...none, file, note: `${file} is in no ConfigMap` }
}

interface PolicySource {
  name: string
  key: string
}

/** The ConfigMap and key that a file in the container is. */
function sourceOf(
  file: string,
  container: V1Container,
  spec: V1PodSpec | undefined,
): PolicySource | undefined {
  const mount = container.volumeMounts?.find(({ mountPath }) => isAtOrBelow(file, mountPath))
  const configMap = spec?.volumes?.find(({ name }) => name === mount?.name)?.configMap
  if (!mount || !configMap?.name) return undefined
  const path = mount.subPath ?? file.slice(mount.mountPath.length).replace(/^\/+/, '')
  const key = configMap.items ? configMap.items.find((item) => item.path === path)?.key : path
  return key === undefined ? undefined : { name: configMap.name, key }
}

async function readFrom(
  client: KubeClient,
  namespace: string,
  { name, key }: PolicySource,
): Promise<ClusterPolicy> {
  const file = `ConfigMap ${namespace}/${name}, key ${key}`
  const path = `/api/v1/namespaces/${namespace}/configmaps/${name}`
  const { status, body } = await client.call({ method: 'GET', path })
  if (status === 403)
    return { ...none, file, note: `you may not get configmaps/${name} in namespace ${namespace}` }
  const text = property(asObject(body)['data'], key)
  if (status !== 200 || typeof text !== 'string') return { ...none, file, note: `${file} does not exist` }
  try {
    return { file, defaults: parseDefaults(text) }
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    return { ...none, file, problem: error }
  }
}
