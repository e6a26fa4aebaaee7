/**
 * Lets who waits for the core go first: sched_yield(2), which Node has in its WebAssembly System Interface alone.
 *
 * A thread of SCHED_IDLE needs it. Linux (EEVDF, 6.6 and later) gives the core to whoever has had less than their
 * share; that is an idle thread that has slept, also while a thread of normal priority waits, and it keeps the core
 * until it sleeps, somebody wakes there or the next tick, up to 4 ms later. Giving way once at the beginning of work
 * puts it behind all others (decision 7). It takes 0.2 µs where nobody waits.
 */
import { WASI } from 'node:wasi'
import type { GiveWay } from '../ports.ts'

/** A part of the platform that the types of Node leave to browsers. */
type Platform = {
  readonly WebAssembly: { readonly Memory: new (size: { initial: number }) => object }
}

/** A function that does nothing where the system has no such call. */
export function wayGiver(): GiveWay {
  try {
    const { WebAssembly } = globalThis as unknown as Platform
    const wasi = new WASI({ version: 'preview1' })
    wasi.initialize({ exports: { memory: new WebAssembly.Memory({ initial: 1 }) } })
    const { sched_yield: giveWay } = wasi.wasiImport
    return typeof giveWay === 'function' ? () => void giveWay() : () => undefined
  } catch {
    return () => undefined
  }
}
