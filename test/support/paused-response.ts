// A response that a program can't complete until its reader continues.
import { get } from 'node:http'

/** More than the kernel's buffers at both ends hold, so that the program must stay for the rest. */
export const LARGE_BYTES = 64 << 20

/** The command that creates such a file in a container. */
export const makeLarge = (path: string): string[] => ['sh', '-c', `head -c ${LARGE_BYTES} /dev/zero >${path}`]

/** Requests a file of LARGE_BYTES. `finish` reads to the end and returns the number of bytes, or -1 if the response was cut off. */
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
