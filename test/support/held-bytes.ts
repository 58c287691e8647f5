// For `node --import`: on a message with words, each spelt backwards, the process answers which of them stand in bytes that it holds, that
// is in any ArrayBuffer left after a full collection. (Strings are a heap snapshot's matter; it has no bytes.) Backwards, or the search would find itself.
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
