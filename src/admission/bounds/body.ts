/** Receives and parses the body of a review, within the bounds of one body and those of all of them together (load-shedding.ts). */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { UserError } from '../../errors.ts'
import { endOfList, type JsonShape, jsonShape } from './json-shape.ts'
import type { Place } from './load-shedding.ts'
import { badEncoding, badJson, bodyTooLarge, overloaded } from './refusals.ts'

/**
 * The largest AdmissionReview: two objects (`object` and `oldObject`) of the 1.5 MiB that etcd stores, each twice as long in JSON. The API
 * server takes requests of up to 3 MiB, but can't store such an object.
 */
export const BODY_LIMIT_BYTES = 6 * 1024 * 1024

/**
 * Of one body. A Pod at etcd's limit has some 50,000 values with its managedFields (9,000 mounts), an update twice as many; an ordinary
 * review has 850, 14 deep. Recursive code survives a depth of some thousands.
 */
const SHAPE_LIMIT: JsonShape = { values: 250_000, depth: 256 }

/** A Pod's review up to this size is not counted: it is answered in the turn in which it is parsed, so its values are never held. */
const UNCOUNTED_BYTES = 64 * 1024

const tooLong = () => bodyTooLarge(`over ${BODY_LIMIT_BYTES} bytes`)

/** What is wrong with a body that the headers announce. */
export function announcedError(headers: IncomingHttpHeaders): UserError | undefined {
  if (Number(headers['content-length'] ?? 0) > BODY_LIMIT_BYTES) return tooLong()
  const { 'content-encoding': encoding = 'identity' } = headers
  return encoding === 'identity' ? undefined : badEncoding()
}

/**
 * Calls `done` once: with the whole body, or with what is wrong as soon as it is known. It counts what arrives, not what was announced.
 * @returns a function that ends it with an error
 */
export function receiveBody(
  request: IncomingMessage,
  place: Place,
  done: (error: Error | null, body?: Buffer) => void,
): (error: Error) => void {
  const parts: Buffer[] = []
  let length = 0
  let isOver = false
  const finish = (error: Error | null): void => {
    if (isOver) return
    isOver = true
    // A listener that stays keeps the request and its buffers of 64 KiB until a full garbage collection: an answer cost half as much again.
    request.removeListener('data', onData)
    request.removeListener('end', onEnd)
    request.removeListener('error', finish)
    done(error, error || parts.length === 1 ? parts[0] : Buffer.concat(parts))
  }
  const onData = (part: Buffer): void => {
    length += part.length
    if (length > BODY_LIMIT_BYTES) finish(tooLong())
    else if (place.receive(part.length)) parts.push(part)
    else finish(overloaded())
  }
  const onEnd = (): void => finish(null)
  request.on('data', onData)
  request.on('end', onEnd)
  request.on('error', finish)
  return finish
}

/**
 * Plain JSON.parse: `__proto__` is a legal key in a Pod's annotations, and becomes a harmless own property.
 * @param isHeld whether the handler may hold the values for longer than a turn of the event loop
 * @throws UserError
 */
export function parseBody(body: Buffer, isHeld: boolean, place: Place): unknown {
  if (isHeld || body.length > UNCOUNTED_BYTES) {
    const { values, depth } = jsonShape(body, SHAPE_LIMIT)
    if (values > SHAPE_LIMIT.values) throw bodyTooLarge(`more than ${SHAPE_LIMIT.values} values`)
    if (depth > SHAPE_LIMIT.depth) throw bodyTooLarge(`more than ${SHAPE_LIMIT.depth} objects in each other`)
    if (!place.parse(values)) throw overloaded()
  }
  try {
    return JSON.parse(withoutManagedFields(body))
  } catch {
    // The parser's own message quotes the body, which may be a Secret's.
    throw badJson(body.length)
  }
}

/** With the comma, since a Pod's metadata has other fields before. */
const MANAGED_FIELDS = Buffer.from(',"managedFields":[')

/**
 * The text of a review with its first `managedFields` empty. They are half of a Pod's review and their keys are rare, so that they would take
 * more than half of the parser's time and memory; no handler reads them, and no patch names them.
 */
function withoutManagedFields(body: Buffer): string {
  const found = body.indexOf(MANAGED_FIELDS)
  if (found === -1) return body.toString()
  const start = found + MANAGED_FIELDS.length
  return body.toString('utf8', 0, start) + body.toString('utf8', endOfList(body, start - 1))
}
