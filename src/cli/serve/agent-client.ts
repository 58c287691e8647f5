/** Reads an agent's /status at the Pod's own address. Anyone in the cluster may; it holds no secret. */
import { request } from 'node:http'
import { parseJson } from '../../workload/json-object.ts'

const TIMEOUT_MILLISECONDS = 1_000
const LIMIT_BYTES = 64 * 1024

/** Its JSON. Undefined: no response in time, or not JSON. Never rejects. */
export function askAgent(ip: string, port: number): Promise<unknown> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(TIMEOUT_MILLISECONDS)
    const outgoing = request({ host: ip, port, path: '/status', agent: false, signal }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
        if (text.length > LIMIT_BYTES) response.destroy()
      })
      response.on('close', () => resolve(parseJson(text)))
      response.on('error', () => resolve(undefined))
    })
    outgoing.on('error', () => resolve(undefined))
    outgoing.end()
  })
}
