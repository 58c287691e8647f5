/** Requests and limits of the agent: little, but never what would change the Pod's class or break its namespace's quota. */
import type { V1Container, V1PodSpec, V1ResourceRequirements } from '@kubernetes/client-node'
import type { Policy } from '../policy/policy.ts'
import { amount } from '../workload/quantity.ts'

type Quantities = Record<string, string>

/** Measured: 0.1 to 1 MB of memory, no CPU while nothing changes. */
const REQUESTS: Quantities = { cpu: '1m', memory: '4Mi', 'ephemeral-storage': '1Mi' }
/** Room for a burst, and for the largest ConfigMap (1 MiB) many times over. */
const LIMITS: Quantities = { cpu: '100m', memory: '16Mi', 'ephemeral-storage': '16Mi' }
/** In a Guaranteed Pod a request is its limit; 1m of CPU would be throttled to a standstill. */
const GUARANTEED: Quantities = { cpu: '10m', memory: '16Mi', 'ephemeral-storage': '16Mi' }

const pick = (from: Quantities, wanted: (name: string) => boolean): Quantities =>
  Object.fromEntries(Object.entries(from).filter(([name]) => wanted(name)))

const within = (limits: Quantities, requests: Quantities): Quantities =>
  Object.fromEntries(
    Object.entries(requests).map(([name, request]) => {
      const limit = limits[name] ?? request
      return [name, amount(limit) < amount(request) ? limit : request]
    }),
  )

/** Kubernetes' own rule (pkg/apis/core/v1/helper/qos): every container has CPU and memory limits, equal to its requests. */
export function isGuaranteed(spec: V1PodSpec): boolean {
  return [...spec.containers, ...(spec.initContainers ?? [])].every(({ resources }) =>
    ['cpu', 'memory'].every((name) => {
      const limit = resources?.limits?.[name]
      return limit !== undefined && amount(resources?.requests?.[name] ?? limit) === amount(limit)
    }),
  )
}

/**
 * @param runsProgramsOf the target whose validator or command runs in the agent's container, and needs what it needs in its own: promtool
 *   under 16Mi did not fail, but read 148 GB from disk in 180 s
 */
export function agentResources(
  spec: V1PodSpec,
  policy: Policy,
  runsProgramsOf?: V1Container,
): V1ResourceRequirements | undefined {
  if (policy.shared.resources) return policy.shared.resources
  if (spec.resources) return undefined
  if (runsProgramsOf) {
    // Not its graphics cards: they would be counted, and taken, twice.
    const limits = pick(runsProgramsOf.resources?.limits ?? {}, (name) => name in REQUESTS)
    const requests = isGuaranteed(spec)
      ? limits
      : within(
          limits,
          pick(REQUESTS, (name) => name !== 'ephemeral-storage' || name in limits),
        )
    return { requests, ...(Object.keys(limits).length > 0 ? { limits } : {}) }
  }
  const asked = (field: 'requests' | 'limits') => (name: string) =>
    spec.containers.some(({ resources }) => resources?.[field]?.[name] !== undefined)
  if (isGuaranteed(spec)) {
    const quantities = pick(
      GUARANTEED,
      (name) => name !== 'ephemeral-storage' || asked('limits')(name) || asked('requests')(name),
    )
    return { requests: quantities, limits: quantities }
  }
  return {
    requests: pick(REQUESTS, (name) => name !== 'ephemeral-storage' || asked('requests')(name)),
    limits: pick(LIMITS, (name) => name === 'memory' || asked('limits')(name)),
  }
}

/** Init containers that run once count by the maximum, so the target's own quantities cost the Pod nothing. */
export const initResources = (target: V1Container, spec: V1PodSpec): Pick<V1Container, 'resources'> =>
  spec.resources || !target.resources ? {} : { resources: withoutClaims(target.resources) }

const withoutClaims = ({ requests, limits }: V1ResourceRequirements): V1ResourceRequirements => ({
  ...(requests ? { requests } : {}),
  ...(limits ? { limits } : {}),
})
