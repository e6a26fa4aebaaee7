/**
 * Events that wait to go out, in memory: queues, and one bound of bytes over all of them. What would pass the bound
 * costs the oldest events, whichever queue they are in.
 *
 * Each step costs the same however much waits, and what left the ring is kept alive by nothing in it.
 */
export type Waiting = { readonly at: number; readonly size: number } // monotonic ms; bytes

export type EventRing<E extends Waiting> = {
  push(queue: number, event: E): void
  /** The oldest events of a queue, at most so many bytes but always one; empty when none waits. */
  take(queue: number, bytes: number): readonly E[]
  /** Gives back what was taken and not delivered: it is the oldest of its queue again. */
  putBack(queue: number, batch: readonly E[]): void
  /** Takes out what came before `at`. */
  expire(queue: number, at: number): readonly E[]
  events(queue: number): number
  bytes(queue: number): number
}

/** `lost` hears of each event that the bound cost. */
export function createEventRing<E extends Waiting>(
  options: { readonly queues: number; readonly most: number }, // bytes
  lost: (event: E) => void
): EventRing<E> {
  const queues = Array.from({ length: options.queues }, () => createQueue<E>())
  const queueOf = (index: number) => {
    const queue = queues[index]
    if (queue === undefined)
      throw new RangeError(`a ring of ${queues.length} has no queue ${index}`)
    return queue
  }

  function bound(): void {
    let total = queues.reduce((sum, queue) => sum + queue.bytes(), 0)
    while (total > options.most) {
      const victim = oldest(queues)?.shift()
      if (victim === undefined) return
      total -= victim.size
      lost(victim)
    }
  }

  return {
    push(index, event) {
      queueOf(index).push(event)
      bound()
    },
    take(index, bytes) {
      const queue = queueOf(index)
      const batch: E[] = []
      let room = bytes
      for (let next = queue.first(); next !== undefined; next = queue.first()) {
        if (batch.length > 0 && next.size > room) break
        room -= next.size
        batch.push(next)
        queue.shift()
      }
      return batch
    },
    putBack(index, batch) {
      queueOf(index).unshift(batch)
      bound()
    },
    expire(index, at) {
      const queue = queueOf(index)
      const old: E[] = []
      for (let next = queue.first(); next !== undefined && next.at < at; next = queue.first()) {
        old.push(next)
        queue.shift()
      }
      return old
    },
    events: index => queueOf(index).length(),
    bytes: index => queueOf(index).bytes()
  }
}

type Queue<E> = {
  push(event: E): void
  unshift(batch: readonly E[]): void
  shift(): E | undefined
  first(): E | undefined
  length(): number
  bytes(): number
}

function createQueue<E extends Waiting>(): Queue<E> {
  let items: (E | undefined)[] = []
  let head = 0
  let bytes = 0
  return {
    push(event) {
      items.push(event)
      bytes += event.size
    },
    unshift(batch) {
      items = [...batch, ...items.slice(head)]
      head = 0
      bytes += batch.reduce((sum, { size }) => sum + size, 0)
    },
    shift() {
      const event = items[head]
      if (event === undefined) return undefined
      items[head++] = undefined
      bytes -= event.size
      if (head * 2 > items.length) {
        items = items.slice(head)
        head = 0
      }
      return event
    },
    first: () => items[head],
    length: () => items.length - head,
    bytes: () => bytes
  }
}

function oldest<E extends Waiting>(queues: readonly Queue<E>[]): Queue<E> | undefined {
  let found: Queue<E> | undefined
  let since = Number.POSITIVE_INFINITY
  for (const queue of queues) {
    const at = queue.first()?.at
    if (at === undefined || at >= since) continue
    found = queue
    since = at
  }
  return found
}
