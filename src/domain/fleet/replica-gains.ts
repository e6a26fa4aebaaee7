/**
 * What every replica counted from slot to slot: the differences of the totals that it wrote.
 *
 * A replica that is seen for the first time is where counting begins: what it had is history, not evidence. One
 * that changed its label or its era began from zero. Totals below the known ones come from a message that ran
 * late and are passed over; if they stay for a minute, somebody else counts under that name and begins here.
 * Slots may be missing: the next totals have what was counted in them.
 */
import { parseTotals, type Totals, type TotalsShape, type UnitTotal } from './totals.ts'

/** What one replica counted since it was read last. */
export type ReplicaGain = {
  readonly replica: string
  readonly words: Float64Array // in the order of the totals
  readonly units: readonly UnitTotal[] // failures gained, of the units that are named
  readonly restarted: boolean // it saw a restart of an address
}

const FORGET_SLOTS = 180 // as long as slots are kept
const LATE_SLOTS = 12
const FRESH_SLOTS = 3
const UNNAMED_SLOTS = 60

type Known = {
  totals: Totals
  text: string // of the totals, mostly the same again when traffic pauses
  readonly units: Map<string, { count: number; slot: number }>
  slot: number // in which it was seen last
  late: number // slots in a row with totals below the known ones
}

export class ReplicaGains {
  readonly #shape: TotalsShape
  readonly #known = new Map<string, Known>()

  constructor(shape: TotalsShape) {
    this.#shape = shape
  }

  /** Reads a slot that ended; gives what was counted under `label`, by replicas that counted anything. */
  read(slot: number, texts: ReadonlyMap<string, string>, label: string): readonly ReplicaGain[] {
    const gains: ReplicaGain[] = []
    for (const [replica, text] of texts) {
      const known = this.#known.get(replica)
      if (known?.text === text) {
        known.slot = slot
        known.late = 0
        continue
      }
      const totals = parseTotals(text, this.#shape)
      if (totals === null) continue
      const gain = this.#take(replica, totals, text, slot)
      if (gain && totals.label === label && anything(gain)) gains.push(gain)
    }
    for (const [replica, { slot: seen }] of this.#known) {
      if (slot - seen > FORGET_SLOTS) this.#known.delete(replica)
    }
    return gains
  }

  /** Forgets all: slots are numbered by another clock now. */
  clear(): void {
    this.#known.clear()
  }

  /** Failures that each replica left out under `label` so far (rule 7). */
  leftOut(label: string): number {
    let sum = 0
    for (const { totals } of this.#known.values()) if (totals.label === label) sum += totals.leftOut
    return sum
  }

  /** Replicas seen in the last slots that count under `label`. */
  fresh(label: string, slot: number): number {
    let n = 0
    for (const known of this.#known.values()) {
      if (known.totals.label === label && slot - known.slot < FRESH_SLOTS) n++
    }
    return n
  }

  #take(replica: string, totals: Totals, text: string, slot: number): ReplicaGain | null {
    const known = this.#known.get(replica)
    if (!known) {
      this.#begin(replica, totals, text, slot)
      return null
    }
    known.slot = slot
    const order = orderOf(known.totals, totals)
    if (order === 'before') {
      if (++known.late >= LATE_SLOTS) this.#begin(replica, totals, text, slot)
      return null
    }
    known.late = 0
    if (order === 'anew') known.units.clear()
    const before = order === 'anew' ? null : known.totals.words
    const words = totals.words.map((value, i) => value - (before?.[i] ?? 0))
    const restarted = totals.restarts > known.totals.restarts
    known.totals = totals
    known.text = text
    return { replica, words, units: gainedUnits(known, totals, slot), restarted }
  }

  #begin(replica: string, totals: Totals, text: string, slot: number): void {
    const known = { totals, text, units: new Map(), slot, late: 0 }
    gainedUnits(known, totals, slot)
    this.#known.set(replica, known)
  }
}

/** Whether totals come after the known ones, begin anew, or are from before them. */
function orderOf(known: Totals, next: Totals): 'after' | 'anew' | 'before' {
  if (next.era !== known.era) return next.era > known.era ? 'anew' : 'before'
  if (next.label !== known.label) return 'anew'
  for (let i = 0; i < next.words.length; i++) {
    if ((next.words[i] ?? 0) < (known.words[i] ?? 0)) return 'before'
  }
  return 'after'
}

/** Failures of named units that are new, and remembers what was named; long unnamed ones are forgotten. */
function gainedUnits(known: Known, totals: Totals, slot: number): readonly UnitTotal[] {
  const gained: UnitTotal[] = []
  for (const unit of totals.units) {
    const key = `${unit.unit}.${unit.kinds}.${unit.birth}`
    const count = unit.count - (known.units.get(key)?.count ?? 0)
    known.units.set(key, { count: unit.count, slot })
    if (count > 0) gained.push({ ...unit, count })
  }
  for (const [key, named] of known.units) {
    if (slot - named.slot > UNNAMED_SLOTS) known.units.delete(key)
  }
  return gained
}

function anything({ words, units, restarted }: ReplicaGain): boolean {
  return restarted || units.length > 0 || words.some(value => value > 0)
}
