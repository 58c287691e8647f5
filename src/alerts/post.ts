/** Posts JSON to a URL outside the cluster. The URL often holds a token, so no log line and no error shows it. */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'

const TIMEOUT_MILLISECONDS = 10_000

/** Resolves to the response's status; rejects without a response. */
export function postJson(url: URL, body: string): Promise<number> {
  const request = url.protocol === 'http:' ? httpRequest : httpsRequest
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  const signal = AbortSignal.timeout(TIMEOUT_MILLISECONDS)
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'POST', headers, signal, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    outgoing.on('error', () => reject(new Error('the alert sink did not answer')))
    outgoing.end(body)
  })
}
