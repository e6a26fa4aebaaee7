/**
 * How often an address of a challenger went cold again after it was warm: it was restarted.
 *
 * A replica sees that only when one of its requests met the restart. It tells the others, whose requests find the
 * slow first answers of an address that is still warm to them.
 */
import { ADDRESS_FLAGS, ADDRESSES, AT } from '../counts.ts'
import type { Arm } from '../watch.ts'

export class Restarts {
  #warm = new Set<number>() // slots of addresses
  #count = 0

  /** Looks at the flags that the replica's own watch keeps. */
  look({ counters, addresses }: Arm): void {
    const warm = new Set<number>()
    for (const { slot } of addresses) {
      const at = AT.addresses + slot * ADDRESSES.size + ADDRESSES.flags
      const isWarm = counters.some(({ words }) => ((words[at] ?? 0) & ADDRESS_FLAGS.warm) !== 0)
      if (isWarm) warm.add(slot)
      else if (this.#warm.has(slot)) this.#count++
    }
    this.#warm = warm
  }

  get count(): number {
    return this.#count
  }
}
