/**
 * The data thread's end of the road to the shadow process: copies go in, credit comes back. Nothing waits: what the
 * socket does not take at once stays in memory, and the credit bounds it.
 */
import { connect } from 'node:net'
import { ByteBudget } from '../domain/byte-budget.ts'
import { releaseBytes } from '../domain/release-bytes.ts'
import type { AnswerCopy, RequestCopy, RoadAddress } from '../domain/shadow-copy.ts'
import { encodeCopies } from './frame.ts'
import { WordReader } from './words.ts'

export type Road = {
  readonly send: (copies: readonly (RequestCopy | AnswerCopy)[]) => void
  readonly credit: ByteBudget
  readonly close: () => void
}

/**
 * Copies may be sent at once, and their bodies are the road's from then on. `lost` is called once, when nothing
 * arrives any more, unless `close` was.
 */
export function openRoad({ path, token }: RoadAddress, limit: number, lost: () => void): Road {
  const credit = new ByteBudget(limit)
  const returned = new WordReader(bytes => credit.giveBack(bytes))
  const socket = connect({ path })
  let isOpen = true
  socket.write(token)
  socket.on('data', piece => returned.push(piece))
  socket.on('error', () => undefined) // 'close' comes behind it
  socket.on('close', () => {
    if (isOpen) lost()
    isOpen = false
  })
  return {
    credit,
    send(copies) {
      socket.cork()
      for (const chunk of encodeCopies(copies)) socket.write(chunk, () => releaseBytes(chunk))
      socket.uncork()
    },
    close() {
      isOpen = false
      socket.destroy()
    }
  }
}
