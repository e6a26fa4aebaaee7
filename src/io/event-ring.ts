/**
 * Events that wait to go out, in memory: one queue per lane, and one bound of bytes over all of them. What would
 * pass the bound costs the oldest events, whichever lane they are in.
 *
 * Each step costs the same however much waits, and what left the ring is kept alive by nothing in it.
 */
export type Waiting = { readonly at: number; readonly size: number } // monotonic ms; bytes

export type EventRing<E extends Waiting> = {
  push(lane: number, event: E): void
  /** The oldest events of a lane, at most so many bytes but always one; empty when none waits. */
  take(lane: number, bytes: number): readonly E[]
  /** Gives back what was taken and not delivered: it is the oldest of its lane again. */
  putBack(lane: number, batch: readonly E[]): void
  /** Takes out what came before `at`. */
  expire(lane: number, at: number): readonly E[]
  events(lane: number): number
  bytes(lane: number): number
}

/** `lost` hears of each event that the bound cost. */
export function createEventRing<E extends Waiting>(
  options: { readonly lanes: number; readonly most: number }, // bytes
  lost: (event: E) => void
): EventRing<E> {
  const lanes = Array.from({ length: options.lanes }, () => createLane<E>())
  const laneOf = (index: number) => {
    const lane = lanes[index]
    if (lane === undefined) throw new RangeError(`a ring of ${lanes.length} has no lane ${index}`)
    return lane
  }

  function bound(): void {
    let total = lanes.reduce((sum, lane) => sum + lane.bytes(), 0)
    while (total > options.most) {
      const victim = oldest(lanes)?.shift()
      if (victim === undefined) return
      total -= victim.size
      lost(victim)
    }
  }

  return {
    push(index, event) {
      laneOf(index).push(event)
      bound()
    },
    take(index, bytes) {
      const lane = laneOf(index)
      const batch: E[] = []
      let room = bytes
      for (let next = lane.first(); next !== undefined; next = lane.first()) {
        if (batch.length > 0 && next.size > room) break
        room -= next.size
        batch.push(next)
        lane.shift()
      }
      return batch
    },
    putBack(index, batch) {
      laneOf(index).unshift(batch)
      bound()
    },
    expire(index, at) {
      const lane = laneOf(index)
      const old: E[] = []
      for (let next = lane.first(); next !== undefined && next.at < at; next = lane.first()) {
        old.push(next)
        lane.shift()
      }
      return old
    },
    events: index => laneOf(index).length(),
    bytes: index => laneOf(index).bytes()
  }
}

type Lane<E> = {
  push(event: E): void
  unshift(batch: readonly E[]): void
  shift(): E | undefined
  first(): E | undefined
  length(): number
  bytes(): number
}

function createLane<E extends Waiting>(): Lane<E> {
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

function oldest<E extends Waiting>(lanes: readonly Lane<E>[]): Lane<E> | undefined {
  let found: Lane<E> | undefined
  let since = Number.POSITIVE_INFINITY
  for (const lane of lanes) {
    const at = lane.first()?.at
    if (at === undefined || at >= since) continue
    found = lane
    since = at
  }
  return found
}
