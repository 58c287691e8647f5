// For `node --import`. A message has words, each spelt backwards, so that the search does not find itself. The process answers with the
// words that any ArrayBuffer contains after a full garbage collection. (A heap snapshot has the strings, but no bytes.)
import { Session } from 'node:inspector/promises'

process.on('message', (backwards: string[]) => {
  void found(backwards).then((words) => process.send?.(words))
})
process.channel?.unref()

async function found(backwards: string[]): Promise<unknown> {
  const session = new Session()
  session.connect()
  try {
    const { result } = await session.post('Runtime.evaluate', { expression: 'ArrayBuffer.prototype' })
    const { objects } = await session.post('Runtime.queryObjects', {
      prototypeObjectId: result.objectId ?? '',
    })
    const answer = await session.post('Runtime.callFunctionOn', {
      objectId: objects.objectId ?? '',
      functionDeclaration: `function (words) {
        const reversed = (word) => [...word].reverse().join('')
        return words.filter((word) => this.some((one) => Buffer.from(one).includes(reversed(word))))
      }`,
      arguments: [{ value: backwards }],
      returnByValue: true,
    })
    return answer.result.value
  } finally {
    session.disconnect()
  }
}
