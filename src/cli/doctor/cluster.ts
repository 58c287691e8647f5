/** Checks the cluster: the versions of the API server and the kubelets, and other tools that roll out for ConfigMaps. Pure. */
import type { V1Deployment, V1Node } from '@kubernetes/client-node'
import { tools } from '../../compat/tools.ts'
import { count, type Finding, few } from './finding.ts'

/** Kubernetes 1.30 is the first version with native sidecars, matchConditions and ValidatingAdmissionPolicy v1. */
const OLDEST_MINOR = 30

/** @param gitVersion e.g. v1.36.3, or v1.30.1-eks-1de2ab1 */
const minorOf = (gitVersion: string): number => Number(/^v?1\.(\d+)/.exec(gitVersion)?.[1] ?? Number.NaN)
const isOld = (gitVersion: string): boolean => minorOf(gitVersion) < OLDEST_MINOR

export function checkServer(gitVersion: string): Finding[] {
  const check = 'api-server'
  const text = `the API server is Kubernetes ${gitVersion}`
  return isOld(gitVersion)
    ? [{ check, result: 'problem', text: `${text}; hotreload needs 1.${OLDEST_MINOR}` }]
    : [{ check, result: 'ok', text }]
}

export function checkNodes(nodes: readonly V1Node[]): Finding[] {
  const check = 'nodes'
  // Pods on Windows are not injected.
  const linux = nodes.filter(({ status }) => status?.nodeInfo?.operatingSystem !== 'windows')
  const old = linux.filter(({ status }) => isOld(status?.nodeInfo?.kubeletVersion ?? ''))
  if (old.length === 0)
    return [
      {
        check,
        result: 'ok',
        text: `${count(linux.length, 'kubelet')} of Kubernetes 1.${OLDEST_MINOR} or later`,
      },
    ]
  const names = old.map(({ metadata, status }) => `${metadata?.name} (${status?.nodeInfo?.kubeletVersion})`)
  return [
    {
      check,
      result: 'problem',
      text: `node ${few(names)}: the kubelet is older than 1.${OLDEST_MINOR}, which native sidecars need; upgrade it, or keep opted-in workloads off it`,
    },
  ]
}

export function checkOtherTools(deployments: readonly V1Deployment[]): Finding[] {
  const check = 'other-tools'
  const found = deployments.flatMap(({ metadata, spec }) => {
    const images = new Set((spec?.template.spec?.containers ?? []).map(({ image = '' }) => nameOf(image)))
    const tool = tools.find((one) => one.images.some((image) => images.has(image)))?.name
    return tool && spec?.replicas !== 0 ? [{ tool, name: `${metadata?.namespace}/${metadata?.name}` }] : []
  })
  if (found.length === 0)
    return [{ check, result: 'ok', text: `no ${tools.map(({ name }) => name).join(' and no ')} is running` }]
  return found.map(({ tool, name }) => ({
    check,
    result: 'warning',
    text: `Deployment ${name} is ${tool}, whose annotations hotreload follows too, so workloads with them roll out twice: scale it down, or start hotreload with --compat=none`,
  }))
}

/** The last segment: `registry:5000/stakater/reloader:v1.4@sha256:…` is `reloader`. */
const nameOf = (image: string): string =>
  (image.split('@')[0] ?? '').split('/').at(-1)?.split(':')[0]?.toLowerCase() ?? ''
