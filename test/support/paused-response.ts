// A response that a program can't finish until its reader goes on.
import { get } from 'node:http'

/** More than the kernel's buffers at both ends take: the program must stay for the rest. */
export const LARGE_BYTES = 64 << 20

/** Makes such a file in a container. */
export const makeLarge = (path: string): string[] => ['sh', '-c', `head -c ${LARGE_BYTES} /dev/zero >${path}`]

/** Asks for a file of LARGE_BYTES, and reads on only when told, to the end: the number of bytes that came, -1 where it broke off. */
export const pausedResponse = (url: string): Promise<{ finish: () => Promise<number> }> =>
  new Promise((resolve, reject) => {
    get(url, (response) => {
      const finish = (): Promise<number> =>
        new Promise((end) => {
          let length = 0
          response.on('data', (part: Buffer) => (length += part.length))
          response.on('close', () => end(response.complete ? length : -1))
        })
      resolve({ finish })
    }).on('error', reject)
  })
