/**
 * Lets who waits for the core go first: sched_yield(2), which Node has in its WebAssembly System Interface alone.
 *
 * A thread of SCHED_IDLE needs it. Linux (EEVDF, 6.6 and later) gives the core to whoever has had less than their
 * share; that is an idle thread that has slept, also while a thread of normal priority waits, and it keeps the core
 * until it sleeps, somebody wakes there or the next tick, up to 4 ms later. Giving way once at the beginning of work
 * puts it behind all others (decision 7). It takes 0.2 µs where nobody waits.
 *
 * Where others never sleep, each call costs the caller its turn on the core, for tens of milliseconds, and background
 * work would not get on at all. So over time it waits for a fifth of the time at most, and keeps the core otherwise.
 */
import { WASI } from 'node:wasi'
import type { GiveWay } from '../ports.ts'

/** A part of the platform that the types of Node leave to browsers. */
type Platform = {
  readonly WebAssembly: { readonly Memory: new (size: { initial: number }) => object }
}

const FIFTH = 5
const AT_ONCE_MS = 100 // that it may wait before a fifth counts

/** A function that does nothing where there is no `give`, the call of the system. `now` is the time in ms. */
export function wayGiver(
  now: () => number = () => performance.now(),
  give: (() => void) | null = schedYield()
): GiveWay {
  if (give === null) return () => undefined
  let paidAt = 0 // when what it has waited is a fifth of the time
  return () => {
    const from = now()
    if (paidAt - from >= FIFTH * AT_ONCE_MS) return
    give()
    paidAt = Math.max(paidAt, from) + FIFTH * (now() - from)
  }
}

/** Null where the system has no such call. */
function schedYield(): (() => void) | null {
  try {
    const { WebAssembly } = globalThis as unknown as Platform
    const wasi = new WASI({ version: 'preview1' })
    wasi.initialize({ exports: { memory: new WebAssembly.Memory({ initial: 1 }) } })
    const { sched_yield: give } = wasi.wasiImport
    return typeof give === 'function' ? () => void give() : null
  } catch {
    return null
  }
}
