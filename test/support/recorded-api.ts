/** An API server that answers from a function, and keeps the calls. */
import type { Api, ApiCall, ApiResponse } from '../../src/api/api.ts'

export function recordedApi(answer: (call: ApiCall) => ApiResponse): { api: Api; calls: ApiCall[] } {
  const calls: ApiCall[] = []
  const call = async (one: ApiCall) => {
    calls.push(one)
    return answer(one)
  }
  return { calls, api: { namespace: 'hotreload-system', call } }
}
