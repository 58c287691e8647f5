/** `hotreload serve`: reads the text of flags and variables into typed options, once. */
import { UserError } from '../../errors.ts'
import { type LogLevel, logLevels } from '../../telemetry/log-level.ts'
import { AGENT_IMAGE } from '../../version.ts'
import type { Flag } from '../shared/flag.ts'

export interface ServeOptions {
  port: number
  metricsPort: number
  /** Undefined: the certificate that the controller stores in the cluster. */
  tlsDir?: string
  /** Undefined: the webhook requires no client certificate. */
  clientCa?: string
  only?: 'webhook' | 'controller'
  kubeconfig?: string
  agentImage: string
  /** The file of cluster-wide defaults. */
  policy?: string
  logLevel: LogLevel
}

/** Every flag is also an environment variable: `--tls-dir` is HOTRELOAD_TLS_DIR. */
export const serveFlags = {
  port: { flags: '--port <port>', doc: 'HTTPS port that the API server calls', default: '8443' },
  metricsPort: {
    flags: '--metrics-port <port>',
    doc: 'HTTP port of /metrics, /healthz, /readyz',
    default: '8080',
  },
  tlsDir: {
    flags: '--tls-dir <dir>',
    doc: 'directory with tls.crt and tls.key, read again when they change (default: the Secret hotreload-serving, which the controller writes)',
  },
  clientCa: {
    flags: '--client-ca <file>',
    doc: 'PEM file of an authority: the webhook then answers only clients with a certificate of it; read again when it changes',
  },
  only: {
    flags: '--only <part>',
    doc: 'run one part only: webhook or controller; webhook with --tls-dir needs no cluster',
  },
  kubeconfig: { flags: '--kubeconfig <file>', doc: 'cluster to use (default: the one this Pod runs in)' },
  agentImage: {
    flags: '--agent-image <image>',
    doc: 'image of the agent in injected Pods',
    default: AGENT_IMAGE,
  },
  policy: { flags: '--policy <file>', doc: 'file of cluster-wide defaults, read again when it changes' },
  logLevel: {
    flags: '--log-level <level>',
    doc: `lowest level to log: ${logLevels.join(', ')}`,
    default: 'info',
  },
} satisfies Record<keyof ServeOptions, Flag>

export type ServeFlag = keyof typeof serveFlags

/** The variable of a flag: --tls-dir is HOTRELOAD_TLS_DIR. */
export function variableOf({ flags }: Flag): string {
  return `HOTRELOAD_${nameOf(flags).slice('--'.length).replaceAll('-', '_').toUpperCase()}`
}

/**
 * @param given values of flags and variables, as text
 * @throws UserError HR_BAD_FLAG that names the flag, the value and what to do
 */
export function readServeOptions(given: Partial<Record<ServeFlag, string>>): ServeOptions {
  const value = (flag: ServeFlag): string | undefined => {
    const { default: fallback }: Flag = serveFlags[flag]
    const text = given[flag] ?? fallback
    if (text !== undefined && text.trim() === '')
      throw bad(flag, text, 'is empty', 'give it a value or leave it out')
    return text
  }
  const port = (flag: 'port' | 'metricsPort'): number => {
    const text = value(flag) ?? ''
    const number = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN
    if (number <= 65_535) return number
    if (text.startsWith('tcp://'))
      // Service links: for a Service named hotreload every Pod beside it gets HOTRELOAD_PORT.
      throw bad(
        flag,
        text,
        'is an address that Kubernetes put there',
        'set enableServiceLinks: false in the Pod',
      )
    throw bad(flag, text, 'is not a port', 'use a number from 1 to 65535, or 0 for any free one')
  }
  const ports = { port: port('port'), metricsPort: port('metricsPort') }
  if (ports.port === ports.metricsPort && ports.port !== 0)
    throw bad('metricsPort', String(ports.metricsPort), 'is the same as --port', 'use another one')

  const only = value('only')
  if (only !== undefined && only !== 'webhook' && only !== 'controller')
    throw bad('only', only, 'is not a part', 'use webhook or controller')

  const agentImage = value('agentImage') ?? AGENT_IMAGE
  if (/[\s\p{Cc}]/u.test(agentImage))
    throw bad(
      'agentImage',
      agentImage,
      'is not an image',
      'use e.g. registry/hotreload-agent:1.0.0 or …@sha256:…',
    )

  const asked = value('logLevel') ?? ''
  const level = alsoKnownAs[asked] ?? asked
  const logLevel = logLevels.find((one) => one === level)
  if (logLevel === undefined) throw bad('logLevel', asked, 'is not a level', `use ${logLevels.join(', ')}`)

  const texts = {
    tlsDir: value('tlsDir'),
    clientCa: value('clientCa'),
    kubeconfig: value('kubeconfig'),
    policy: value('policy'),
  }
  const present = Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined))
  return { ...ports, agentImage, logLevel, ...(only === undefined ? {} : { only }), ...present }
}

/** Stakater Reloader's names of levels. */
const alsoKnownAs: Readonly<Record<string, LogLevel>> = {
  trace: 'debug',
  warning: 'warn',
  fatal: 'error',
  panic: 'error',
}

function bad(flag: ServeFlag, value: string, problem: string, remedy: string): UserError {
  const { flags }: Flag = serveFlags[flag]
  return new UserError(
    'HR_BAD_FLAG',
    `${nameOf(flags)}: ${JSON.stringify(value.slice(0, 100))} ${problem}`,
    remedy,
  )
}

function nameOf(flags: string): string {
  return flags.split(' ')[0] ?? flags
}
