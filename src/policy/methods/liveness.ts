/** Reads the liveness probe that `reload: probe` replaces: our own exec probe must go on asking the same. */
import type { V1Container, V1Probe } from '@kubernetes/client-node'

/** What the user's probe asks: a URL in the container, or a port; undefined: there is no probe. */
export type ForwardedProbe = { url: string } | { port: number } | undefined

const none: V1Probe = {}

/** @returns what the probe asks, or why ours can't ask the same, as a sentence */
export function livenessOf(container: V1Container): { forward: ForwardedProbe } | { reason: string } {
  const { exec, grpc, httpGet, tcpSocket } = container.livenessProbe ?? none
  if (exec) return ownProbe(exec.command) ?? { reason: 'its livenessProbe is an exec probe' }
  if (grpc) return { reason: 'its livenessProbe is a grpc probe' }
  const { host, httpHeaders = [], path = '/', scheme = 'HTTP' } = httpGet ?? {}
  if (scheme !== 'HTTP') return { reason: 'its livenessProbe speaks HTTPS' }
  if (host ?? tcpSocket?.host) return { reason: 'its livenessProbe asks another host' }
  if (httpHeaders.length > 0) return { reason: 'its livenessProbe sends headers' }
  const asked = httpGet?.port ?? tcpSocket?.port
  if (asked === undefined) return { forward: undefined }
  const port = portNumber(container, asked)
  if (port === undefined) return { reason: `its livenessProbe asks port ${asked}, which it does not declare` }
  const absolute = path.startsWith('/') ? path : `/${path}`
  return { forward: httpGet ? { url: `http://127.0.0.1:${port}${absolute}` } : { port } }
}

/** The port of a probe, which may be the name of one that the container declares. */
export const portNumber = ({ ports = [] }: V1Container, port: string | number): number | undefined =>
  /^[1-9]\d*$/.test(`${port}`) ? Number(port) : ports.find(({ name }) => name === port)?.containerPort

/** In a template that `hotreload inject` wrote, the exec probe is ours (inject/agent-flags.ts), and its flags say what the user's asked. */
function ownProbe([program = '', command, ...flags]: string[] = []): { forward: ForwardedProbe } | undefined {
  if (!program.endsWith('/hotreload-agent') || command !== 'probe') return undefined
  const valueOf = (flag: string): string | undefined =>
    flags.find((one) => one.startsWith(flag))?.slice(flag.length)
  const [url, port] = [valueOf('--http-get='), valueOf('--tcp=')]
  if (url !== undefined) return { forward: { url } }
  return { forward: port === undefined ? undefined : { port: Number(port) } }
}
