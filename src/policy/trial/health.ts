/** What the agent asks to learn whether a program is well: the user's URL, or what the kubelet's readiness probe asks. Pure. */
import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import { portNumber } from '../methods/liveness.ts'
import { VALUE_LENGTH } from '../values/bounds.ts'
import type { HealthUrl } from '../values/url.ts'

export interface HealthCheck {
  /** Absent: whether the port takes a connection. */
  request?: HealthRequest
  /** An IP address; absent: the Pod's. */
  host?: string
  port: number
  timeoutSeconds: number
  periodSeconds: number
  /** Failures in a row after which the program counts as unhealthy. */
  failureThreshold: number
}

interface HealthRequest {
  method: string
  path: string
  /** `Name: value` */
  headers: readonly string[]
}

/** Those of a probe of the kubelet. */
const defaultTimes = { timeoutSeconds: 1, periodSeconds: 10, failureThreshold: 3 }

export const healthAt = ({ httpMethod, host, port, path }: HealthUrl): HealthCheck => ({
  ...defaultTimes,
  request: { method: httpMethod, path, headers: [] },
  host,
  port,
})

/** What the container's readiness probe asks; or why the agent can't ask the same, as the end of a sentence. */
export function readinessOf(
  container: V1Container,
  { hostNetwork }: Pick<V1PodSpec, 'hostNetwork'>,
): HealthCheck | string {
  const { readinessProbe } = container
  if (!readinessProbe) return 'it has no readiness probe'
  const { exec, grpc, httpGet, tcpSocket } = readinessProbe
  if (exec) return 'its readiness probe is an exec probe'
  if (grpc) return 'its readiness probe is a grpc probe'
  const asked = httpGet ?? tcpSocket
  if (!asked) return 'its readiness probe asks nothing'
  if (httpGet && (httpGet.scheme ?? 'HTTP') !== 'HTTP') return 'its readiness probe speaks HTTPS'
  const { host = '' } = asked
  // The kubelet asks from the node, whose loopback is the Pod's only with hostNetwork.
  const isNode = hostNetwork === true && /^127(\.\d{1,3}){3}$/.test(host)
  if (host !== '' && !isNode) return 'its readiness probe asks another host'
  const port = portNumber(container, asked.port)
  if (port === undefined) return `its readiness probe asks port ${asked.port}, which it does not declare`
  const request = httpGet && requestOf(httpGet)
  if (typeof request === 'string') return request
  // The API server reads 0 as absent, too.
  const { timeoutSeconds, periodSeconds, failureThreshold } = defaultTimes
  return {
    ...(request ? { request } : {}),
    ...(isNode ? { host } : {}),
    port,
    timeoutSeconds: readinessProbe.timeoutSeconds || timeoutSeconds,
    periodSeconds: readinessProbe.periodSeconds || periodSeconds,
    failureThreshold: readinessProbe.failureThreshold || failureThreshold,
  }
}

function requestOf({
  path = '/',
  httpHeaders = [],
}: NonNullable<NonNullable<V1Container['readinessProbe']>['httpGet']>): HealthRequest | string {
  const headers = httpHeaders.map(({ name, value }) => `${name}: ${value}`)
  // The agent takes no other one.
  if (!headers.every((header) => /^[!-9;-~]+: [ -~]*$/.test(header)))
    return 'its readiness probe sends a header that is not printable ASCII'
  // Each is an argument of the agent, and the kernel starts no program with one that is too long.
  if (path.length + headers.join('').length > VALUE_LENGTH)
    return `the path and headers of its readiness probe have more than ${VALUE_LENGTH} characters`
  const url = URL.parse(`http://pod${path.startsWith('/') ? path : `/${path}`}`)
  return url
    ? { method: 'GET', path: url.pathname + url.search, headers }
    : 'the path of its readiness probe is no path'
}
