import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { CLIENT_TIMEOUT_MILLISECONDS, watchSlowClients } from '../../../src/admission/bounds/slow-clients.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('a client has its time, and is ended once', () => {
  const { wait, stop } = watchSlowClients()
  const expire = vi.fn<() => void>()
  wait(expire)
  vi.advanceTimersByTime(CLIENT_TIMEOUT_MILLISECONDS)
  expect(expire).not.toHaveBeenCalled()
  vi.advanceTimersByTime(10_000)
  expect(expire).toHaveBeenCalledTimes(1)
  stop()
})

test('a client that was in time is never ended', () => {
  const { wait, stop } = watchSlowClients()
  const expire = vi.fn<() => void>()
  const inTime = wait(expire)
  vi.advanceTimersByTime(CLIENT_TIMEOUT_MILLISECONDS)
  inTime()
  vi.advanceTimersByTime(10_000)
  expect(expire).not.toHaveBeenCalled()
  stop()
})
