/**
 * How busy the whole machine is, from the kernel's own counts: every process of every user, on all cores.
 */
import { readFileSync } from 'node:fs'

export type MachineTimes = { readonly busy: number; readonly all: number } // ticks since the start

export function machineTimes(): MachineTimes {
  const [first = ''] = readFileSync('/proc/stat', 'utf8').split('\n')
  const ticks = first.trim().split(/\s+/).slice(1, 9).map(Number) // user nice system idle iowait irq softirq steal
  const all = ticks.reduce((sum, value) => sum + value, 0)
  return { busy: all - (ticks[3] ?? 0) - (ticks[4] ?? 0), all }
}

/** Busy share of all cores between two readings, 0..1. */
export function busyShare(from: MachineTimes, to: MachineTimes): number {
  return to.all > from.all ? (to.busy - from.busy) / (to.all - from.all) : 0
}
