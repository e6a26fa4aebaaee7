/**
 * Which addresses of a variant are warm: only their latencies are evidence (triggers.md).
 *
 * Left out are the requests of an address's first 30 s and its first 200, both, for 2 minutes at most, and
 * again after a restart: an address that refused in a tick without answers, or was unhealthy, and answers
 * again. The flag in the counters of every thread is kept equal to what is decided here.
 */
import { ADDRESS_FLAGS, ADDRESSES, AT, type Counters } from '../counts.ts'
import type { Arm } from '../watch.ts'

const LEAST_MS = 30_000
const LEAST_REQUESTS = 200
const MOST_MS = 120_000

export type WarmSlot = { readonly slot: number; readonly warm: boolean }

const UNCHANGED: WarmSlot[] = []

type Slot = {
  firstSentAt: number // -1 before the first request
  sentBefore: number
  sent: number
  answered: number
  answeredBefore: number // when the address was first seen
  refused: number
  down: boolean
  warm: boolean
}

export class WarmUp {
  readonly #slots = new Map<number, Slot>()
  #memory: ArrayBufferLike | undefined

  /** Looks at every address, and writes its flag where it is not what it should be; gives those slots. */
  tick(arm: Arm, now: number): readonly WarmSlot[] {
    this.#forget(arm)
    let changes: WarmSlot[] = UNCHANGED
    for (let i = 0; i < arm.addresses.length; i++) {
      const address = arm.addresses[i]
      if (!address) continue
      const at = AT.addresses + address.slot * ADDRESSES.size
      let slot = this.#slots.get(address.slot)
      if (!slot) {
        slot = firstSeen(arm.counters, at)
        this.#slots.set(address.slot, slot)
      }
      advance(slot, arm.counters, at, address.healthy, now)
      if (flagDiffers(arm.counters, at, slot.warm)) {
        if (changes === UNCHANGED) changes = []
        changes.push({ slot: address.slot, warm: slot.warm })
        for (const { words } of arm.counters) {
          words[at + ADDRESSES.flags] = slot.warm ? ADDRESS_FLAGS.warm : 0
        }
      }
    }
    return changes
  }

  get anyWarm(): boolean {
    for (const { warm } of this.#slots.values()) if (warm) return true
    return false
  }

  /** An address answered since it was added: an absence of answers can be judged. */
  get anyAnswered(): boolean {
    for (const { answered, answeredBefore } of this.#slots.values()) {
      if (answered !== answeredBefore) return true
    }
    return false
  }

  /** Time of the first request to any address; -1 without one. */
  get firstSentAt(): number {
    let first = -1
    for (const { firstSentAt } of this.#slots.values()) {
      if (firstSentAt >= 0 && (first < 0 || firstSentAt < first)) first = firstSentAt
    }
    return first
  }

  #forget(arm: Arm): void {
    const memory = arm.counters[0]?.words.buffer
    if (memory !== this.#memory) this.#slots.clear()
    this.#memory = memory
    for (const known of this.#slots.keys()) {
      if (!arm.addresses.some(({ slot }) => slot === known)) this.#slots.delete(known)
    }
  }
}

function advance(
  slot: Slot,
  counters: readonly Counters[],
  at: number,
  healthy: boolean,
  now: number
): void {
  const sent = sum(counters, at + ADDRESSES.sent)
  const answered = sum(counters, at + ADDRESSES.answered)
  const refused = sum(counters, at + ADDRESSES.connectFailures)
  const answers = answered !== slot.answered
  const refuses = refused !== slot.refused && !answers // among answers it is a lost packet
  slot.refused = refused
  if (!healthy || refuses) slot.down = true
  else if (slot.down && answers) {
    slot.down = false
    slot.firstSentAt = now
    slot.sentBefore = slot.sent
    slot.warm = false
  }
  if (slot.firstSentAt < 0 && sent !== slot.sent) slot.firstSentAt = now
  slot.sent = sent
  slot.answered = answered
  if (!slot.warm && slot.firstSentAt >= 0) slot.warm = isWarm(slot, now)
}

function isWarm({ firstSentAt, sent, sentBefore }: Slot, now: number): boolean {
  const age = now - firstSentAt
  return age >= MOST_MS || (age >= LEAST_MS && (sent - sentBefore) >>> 0 >= LEAST_REQUESTS)
}

/** A slot that is warm in the counters was judged so before this watch began. */
function firstSeen(counters: readonly Counters[], at: number): Slot {
  const sent = sum(counters, at + ADDRESSES.sent)
  const answered = sum(counters, at + ADDRESSES.answered)
  const warm = counters.some(
    ({ words }) => ((words[at + ADDRESSES.flags] ?? 0) & ADDRESS_FLAGS.warm) !== 0
  )
  return {
    firstSentAt: -1,
    sentBefore: sent,
    sent,
    answered,
    answeredBefore: warm ? (answered - 1) >>> 0 : answered,
    refused: sum(counters, at + ADDRESSES.connectFailures),
    down: false,
    warm
  }
}

function flagDiffers(counters: readonly Counters[], at: number, warm: boolean): boolean {
  const wanted = warm ? ADDRESS_FLAGS.warm : 0
  for (const { words } of counters) {
    if (((words[at + ADDRESSES.flags] ?? 0) & ADDRESS_FLAGS.warm) !== wanted) return true
  }
  return false
}

function sum(counters: readonly Counters[], at: number): number {
  let total = 0
  for (const { words } of counters) total += words[at] ?? 0
  return total >>> 0
}
