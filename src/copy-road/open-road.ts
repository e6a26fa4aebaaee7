/**
 * The data thread's end of the road to the shadow process: copies go in; credit comes back, and which shadows take no
 * copies. Nothing waits: what the socket does not take at once stays in memory, and the credit bounds it. Copies leave in
 * batches.
 */
import { connect } from 'node:net'
import { ByteBudget } from '../domain/byte-budget.ts'
import { releaseBytes } from '../domain/release-bytes.ts'
import type { ShadowClosed } from '../domain/shadow.ts'
import {
  type AnswerCopy,
  BATCH_MS,
  type RequestCopy,
  type RoadAddress
} from '../domain/shadow-copy.ts'
import { CopyBatch } from './batch.ts'
import { ReplyReader } from './replies.ts'

export type Road = {
  readonly send: (copy: RequestCopy | AnswerCopy) => void
  readonly credit: ByteBudget
  /** Why copies for the shadow of this slot would be dropped where they arrive, or null. */
  readonly closed: (slot: number) => ShadowClosed | null
  /** What waits for the end of its batch goes out before. */
  readonly close: () => void
}

/** So many bytes do not wait for the end of their batch. */
const BATCH_BYTES = 256 * 1024

/**
 * Copies may be sent at once. A body of OWN_BYTES or more is the road's from then on. `lost` is called once, when
 * nothing arrives any more, unless `close` was.
 */
export function openRoad({ path, token }: RoadAddress, limit: number, lost: () => void): Road {
  const credit = new ByteBudget(limit)
  const closed = new Map<number, ShadowClosed>()
  const replies = new ReplyReader((reply, value) => {
    if (reply === 'credit') credit.giveBack(value)
    else if (reply === 'open') closed.delete(value)
    else closed.set(value, reply)
  })
  const batch = new CopyBatch()
  const socket = connect({ path })
  let isOpen = true
  let timer: NodeJS.Timeout | null = null
  socket.write(token)
  socket.on('data', piece => replies.push(piece))
  socket.on('error', () => undefined) // 'close' comes behind it
  socket.on('close', () => {
    if (isOpen) lost()
    isOpen = false
  })

  function flush(): void {
    if (batch.bytes === 0) return
    const { chunks, slab } = batch.take()
    const last = chunks.length - 1
    if (last > 0) socket.cork()
    chunks.forEach((chunk, i) => {
      socket.write(chunk, () => {
        releaseBytes(chunk)
        if (i === last) batch.reuse(slab)
      })
    })
    if (last > 0) socket.uncork()
  }

  return {
    credit,
    closed: slot => closed.get(slot) ?? null,
    send(copy) {
      if (batch.bytes === 0) timer = timer?.refresh() ?? setTimeout(flush, BATCH_MS)
      batch.add(copy)
      if (batch.bytes >= BATCH_BYTES) flush()
    },
    close() {
      isOpen = false
      flush()
      if (timer !== null) clearTimeout(timer)
      socket.destroy()
    }
  }
}
