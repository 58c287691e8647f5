/** Parsers of annotation values: text in, value out. Each throws a UserError that names the key, the value and the remedy. */
import { UserError } from '../../errors.ts'
import { parseDuration } from '../../workload/duration.ts'
import { isObject } from '../../workload/json-object.ts'
import { amount } from '../../workload/quantity.ts'

/** Signals by number on x86 and arm64 (signal(7)), without KILL (9) and STOP (19): no process can catch them, so no program reloads on them. */
const SIGNALS =
  '- HUP INT QUIT ILL TRAP ABRT BUS FPE - USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT - TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS'.split(
    ' ',
  )

/** `HUP`, `sighup` and `1` are `SIGHUP`. */
export function signalName(key: string, value: string): string {
  const word = value.trim().toUpperCase().replace(/^SIG/, '')
  const name = /^\d+$/.test(word) ? SIGNALS[Number(word)] : word
  if (name && name !== '-' && SIGNALS.includes(name)) return `SIG${name}`
  if (['9', 'KILL', '19', 'STOP'].includes(word))
    throw new UserError(
      'HR_BAD_SIGNAL',
      `${key}: ${shown(value)} can't be caught, so no program reloads on it`,
      'use the one that its manual names, e.g. SIGHUP',
    )
  throw new UserError(
    'HR_BAD_SIGNAL',
    `${key}: ${shown(value)} is not a signal`,
    'use a name such as SIGHUP or a number from 1 to 31',
  )
}

export function boolean(key: string, value: string): boolean {
  return oneOf('true', 'false')(key, value) === 'true'
}

export const oneOf =
  <const T extends string>(...allowed: readonly T[]) =>
  (key: string, value: string): T => {
    const found = allowed.find((word) => word === value.trim())
    if (found !== undefined) return found
    throw new UserError(
      'HR_BAD_VALUE',
      `${key}: ${shown(value)} is not one of its values`,
      `use ${list(allowed)}`,
    )
  }

/** A comma list of names; at least one. */
export function names(key: string, value: string): string[] {
  const found = value
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  const bad = found.find((name) => !/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name))
  if (found.length > 0 && bad === undefined) return [...new Set(found)]
  throw new UserError(
    'HR_BAD_NAME',
    `${key}: ${shown(bad ?? value)} is not a name`,
    'use names separated by commas, e.g. web,api',
  )
}

/** `NAME=WORD`, separated by commas, e.g. `runtime=none,config=rollout`; each name once. */
export const assignments =
  <const T extends string>(...allowed: readonly T[]) =>
  (key: string, value: string): ReadonlyMap<string, T> => {
    const found = new Map<string, T>()
    for (const pair of value.split(',').map((text) => text.trim())) {
      const [, name = '', word = ''] = /^([a-z0-9][-a-z0-9.]*) *= *(.*)$/.exec(pair) ?? []
      if (name === '' || found.has(name))
        throw new UserError(
          'HR_BAD_VALUE',
          name === ''
            ? `${key}: ${shown(pair)} is not NAME=${allowed[0]}`
            : `${key}: it names ${shown(name)} twice`,
          `use pairs separated by commas, e.g. conf=${allowed[0]}`,
        )
      found.set(name, oneOf(...allowed)(`${key}: ${name}`, word))
    }
    return found
  }

/** The agent compares the first 15 bytes of a longer name, because the kernel keeps no more (proc_pid_comm(5)). */
export function commandName(key: string, value: string): string {
  const name = value.trim()
  if (/^[^\s/\0]+$/.test(name)) return name
  throw new UserError(
    'HR_BAD_PROCESS',
    `${key}: ${shown(value)} is not a command's name`,
    'use the name without its path, e.g. nginx',
  )
}

/** A JSON array of words, or words separated by spaces that quotes keep together. There is no shell: `$`, `|` and `;` are plain characters. */
export function argv(key: string, value: string): string[] {
  const words = value.trim().startsWith('[') ? jsonWords(value) : splitWords(value)
  if (words && words.length > 0 && words[0] !== '' && words.every((word) => !word.includes('\0')))
    return words
  throw new UserError(
    'HR_BAD_COMMAND',
    `${key}: ${shown(value)} is not a command`,
    'use words, or a JSON array such as ["nginx","-t"]',
  )
}

/** The word `preset`, or argv. */
export const validator = (key: string, value: string): 'preset' | string[] =>
  value.trim() === 'preset' ? 'preset' : argv(key, value)

function jsonWords(value: string): string[] | undefined {
  try {
    const parsed: unknown = JSON.parse(value)
    return Array.isArray(parsed) && parsed.every((word) => typeof word === 'string') ? parsed : undefined
  } catch {
    return undefined
  }
}

function splitWords(value: string): string[] | undefined {
  const word = /\s*((?:[^\s'"]|'[^']*'|"[^"]*")+)/y
  const words: string[] = []
  let end = 0
  for (let match = word.exec(value); match; match = word.exec(value)) {
    words.push((match[1] ?? '').replaceAll(/'([^']*)'|"([^"]*)"/g, '$1$2'))
    end = word.lastIndex
  }
  return value.slice(end).trim() === '' ? words : undefined
}

/** Seconds; see parseDuration. */
export function duration(key: string, value: string): number {
  const seconds = parseDuration(value.trim())
  if (seconds !== undefined) return seconds
  throw new UserError(
    'HR_BAD_DURATION',
    `${key}: ${shown(value)} is not a duration`,
    'use a number and a unit, e.g. 60s or 2m',
  )
}

/** Longer than any program needs to show that it is well; until then a good edit counts as unproved. */
const LONGEST_BAKE_SECONDS = 3_600

/** Seconds: 0, or from a second to an hour. */
export function bake(key: string, value: string): number {
  const seconds = duration(key, value)
  if (seconds === 0 || (seconds >= 1 && seconds <= LONGEST_BAKE_SECONDS)) return seconds
  const why = seconds < 1 ? 'less than a second' : 'more than an hour'
  throw new UserError(
    'HR_BAD_DURATION',
    `${key}: ${shown(value)} is ${why}`,
    'use 1s to 1h, or 0s for no trial',
  )
}

export function count(key: string, value: string): number {
  if (/^[1-9]\d{0,5}$/.test(value.trim())) return Number(value)
  throw new UserError('HR_BAD_NUMBER', `${key}: ${shown(value)} is not a count`, 'use a whole number from 1')
}

export interface ResourceRequirements {
  requests?: Record<string, string>
  limits?: Record<string, string>
}

/** The API server refuses each Pod for another name, and for a request over its limit. */
const AGENT_RESOURCES = ['cpu', 'memory', 'ephemeral-storage']

/** Bytes. Runtimes start no container with less: runc 1.1 failed at 2 MiB and needed 3, and Docker refuses less than 6 MB. */
const SMALLEST_MEMORY_LIMIT = 6_000_000

/** Kubernetes' ResourceRequirements as JSON; quantities as strings or numbers (apimachinery, resource.Quantity). */
export function resources(key: string, value: string): ResourceRequirements {
  const remedy = 'use JSON such as {"requests":{"cpu":"1m"},"limits":{"memory":"16Mi"}}'
  const bad = (what: string) => new UserError('HR_BAD_RESOURCES', `${key}: ${what}`, remedy)
  let parsed: unknown
  try {
    parsed = JSON.parse(value)
  } catch {
    throw bad(`${shown(value)} is not JSON`)
  }
  if (!isObject(parsed)) throw bad(`${shown(value)} is not an object`)
  const result: ResourceRequirements = {}
  for (const [field, quantities] of Object.entries(parsed)) {
    if ((field !== 'requests' && field !== 'limits') || !isObject(quantities))
      throw bad(`field ${shown(field)} is not requests or limits`)
    result[field] = Object.fromEntries(
      Object.entries(quantities).map(([name, quantity]) => {
        const text = typeof quantity === 'number' ? String(quantity) : quantity
        if (typeof text !== 'string' || !isQuantity(text))
          throw bad(`${field}.${name} ${shown(String(quantity))} is not a quantity`)
        if (!AGENT_RESOURCES.includes(name))
          throw bad(`${field}.${shown(name)} is not ${list(AGENT_RESOURCES)}`)
        return [name, text]
      }),
    )
  }
  for (const [name, limit] of Object.entries(result.limits ?? {})) {
    const request = result.requests?.[name] ?? limit
    if (amount(request) > amount(limit))
      throw bad(`requests.${name} ${shown(request)} is more than limits.${name} ${shown(limit)}`)
  }
  const memory = result.limits?.['memory']
  if (memory !== undefined && amount(memory) < SMALLEST_MEMORY_LIMIT)
    throw bad(`limits.memory ${shown(memory)} is too little for a container to start with`)
  return result
}

const isQuantity = (text: string): boolean =>
  /^\d+(\.\d+)?([numkMGTPE]|[KMGTPE]i|e\d+)?$/.test(text) && !Number.isNaN(amount(text))

/** A value for a sentence: quoted, on one line, and cut to 60 characters. */
export function shown(value: string): string {
  const short = value.length > 60 ? `${value.slice(0, 57)}…` : value
  // A control character of an annotation must not reach a terminal.
  return `"${short.replaceAll(/\p{Cc}/gu, '\u{FFFD}')}"`
}

const list = (words: readonly string[]): string =>
  words.length > 1 ? `${words.slice(0, -1).join(', ')} or ${words.at(-1)}` : (words[0] ?? '')
