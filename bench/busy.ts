/**
 * How busy the whole machine is, from the kernel's own counts: every process of every user, on all cores.
 */
import { readFileSync } from 'node:fs'

/** Ticks since the start. `stolen`: a virtual machine was to run and its host ran something else. */
export type MachineTimes = { readonly busy: number; readonly stolen: number; readonly all: number }

export function machineTimes(): MachineTimes {
  const [first = ''] = readFileSync('/proc/stat', 'utf8').split('\n')
  const ticks = first.trim().split(/\s+/).slice(1, 9).map(Number) // user nice system idle iowait irq softirq steal
  const all = ticks.reduce((sum, value) => sum + value, 0)
  const [, , , idle = 0, waiting = 0, , , stolen = 0] = ticks
  return { busy: all - idle - waiting - stolen, stolen, all }
}

/** Share of all cores' time between two readings that was busy or stolen, 0..1. */
export function shareOf(what: 'busy' | 'stolen', from: MachineTimes, to: MachineTimes): number {
  return to.all > from.all ? (to[what] - from[what]) / (to.all - from.all) : 0
}
