/** Requests and limits of the agent: small, and such that the Pod keeps its QoS class and its namespace's quota allows it. */
import type { V1Container, V1PodSpec, V1ResourceRequirements } from '@kubernetes/client-node'
import type { Policy } from '../policy/policy.ts'
import { amount } from '../workload/quantity.ts'

type Quantities = Record<string, string>

/** Measured: the agent uses 0.1 to 1 MB of memory, and no CPU while nothing changes. */
const REQUESTS: Quantities = { cpu: '1m', memory: '4Mi', 'ephemeral-storage': '1Mi' }
/** Enough for a burst, and for the largest ConfigMap (1 MiB) many times over. */
const LIMITS: Quantities = { cpu: '100m', memory: '16Mi', 'ephemeral-storage': '16Mi' }
/** In a Guaranteed Pod a request is its limit, and with a limit of 1m of CPU the agent would be too slow. */
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
  const known = guaranteed.get(spec) ?? computeGuaranteed(spec)
  guaranteed.set(spec, known)
  return known
}

/** Each agent of a Pod asks once. */
const guaranteed = new WeakMap<V1PodSpec, boolean>()

function computeGuaranteed(spec: V1PodSpec): boolean {
  return [...spec.containers, ...(spec.initContainers ?? [])].every(({ resources }) =>
    ['cpu', 'memory'].every((name) => {
      const limit = resources?.limits?.[name]
      return limit !== undefined && amount(resources?.requests?.[name] ?? limit) === amount(limit)
    }),
  )
}

/**
 * @param runsProgramsOf the app's container, if the agent runs its validator or command, which needs as much as in that container: with
 *   16Mi promtool did not fail, but read 148 GB from disk in 180 s
 */
export function agentResources(
  spec: V1PodSpec,
  policy: Policy,
  runsProgramsOf?: V1Container,
): V1ResourceRequirements | undefined {
  if (policy.shared.resources) return policy.shared.resources
  if (spec.resources) return undefined
  if (runsProgramsOf) {
    // Not its devices: the scheduler would count, and take, them twice.
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

/** The app's own quantities. They cost the Pod nothing, because of init containers that run once only the largest counts. */
export const initResources = (target: V1Container, spec: V1PodSpec): Pick<V1Container, 'resources'> =>
  spec.resources || !target.resources ? {} : { resources: withoutClaims(target.resources) }

const withoutClaims = ({ requests, limits }: V1ResourceRequirements): V1ResourceRequirements => ({
  ...(requests ? { requests } : {}),
  ...(limits ? { limits } : {}),
})
