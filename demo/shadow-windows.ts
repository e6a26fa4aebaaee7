/**
 * What users feel of a shadow: windows without it and with it, one next to the other and in turns, and the ratio of
 * both in each pair of windows.
 *
 * On a machine that does other work too a figure alone says little; what changes slowly is in both of a pair.
 */
import { cpus } from 'node:os'
import { performance } from 'node:perf_hooks'
import type { Stretch, Tally } from './tally.ts'

export type Windows = {
  readonly pairs: number
  readonly p50: Moved
  readonly p99: Moved
  readonly busy: { readonly off: number; readonly on: number } // of all cores of the machine, 0..1
}

/**
 * Medians in ms, and the ratio with over without the shadow: its median and quartiles over the pairs. `every` says what
 * each pair says; by chance they all say `higher` in one case of 2^pairs (sign test), for a window's p99 is that of a
 * few requests.
 */
export type Moved = {
  readonly off: number
  readonly on: number
  readonly ratio: number
  readonly low: number
  readonly high: number
  readonly every: 'higher' | 'lower' | null
}

type Pair = { readonly off: Stretch; readonly on: Stretch }

export const WINDOW_MS = 2_000
const SETTLE_MS = 200 // after a switch, before users count

/**
 * Measures for about `seconds`. `turn` resolves when the switch holds, `wait` lets time pass; the shadow is on at the
 * end.
 */
export async function measureWindows(
  seconds: number,
  counted: Pick<Tally, 'stretch'>,
  turn: (on: boolean) => Promise<void>,
  wait: (ms: number) => Promise<unknown>
): Promise<Windows> {
  const busy = { off: [0, 0], on: [0, 0] } // busy and all time of the cores
  const window = async (on: boolean): Promise<Stretch> => {
    await turn(on)
    await wait(SETTLE_MS)
    const before = coreTimes()
    const stretch = counted.stretch(performance.now())
    await wait(WINDOW_MS)
    stretch.end(performance.now())
    const after = coreTimes()
    const spent = busy[on ? 'on' : 'off']
    spent[0] = (spent[0] ?? 0) + after.busy - before.busy
    spent[1] = (spent[1] ?? 0) + after.all - before.all
    return stretch
  }
  const count = Math.max(2, Math.round((seconds * 1000) / (2 * (WINDOW_MS + SETTLE_MS))))
  const pairs: Pair[] = []
  for (let i = 0; i < count; i++) {
    const first = await window(i % 2 === 1)
    const second = await window(i % 2 === 0)
    pairs.push(i % 2 === 0 ? { off: first, on: second } : { off: second, on: first })
  }
  await turn(true)
  const share = ([some = 0, all = 0]: readonly number[]) => (all > 0 ? some / all : 0)
  return {
    pairs: count,
    p50: moved(pairs, 0.5),
    p99: moved(pairs, 0.99),
    busy: { off: share(busy.off), on: share(busy.on) }
  }
}

function moved(pairs: readonly Pair[], q: number): Moved {
  const both = pairs.map(({ off, on }) => ({
    off: off.quantile(q) ?? Number.NaN,
    on: on.quantile(q) ?? Number.NaN
  }))
  const ratios = sorted(both.map(({ off, on }) => on / off))
  return {
    off: at(sorted(both.map(({ off }) => off)), 0.5),
    on: at(sorted(both.map(({ on }) => on)), 0.5),
    ratio: at(ratios, 0.5),
    low: at(ratios, 0.25),
    high: at(ratios, 0.75),
    every: at(ratios, 0) > 1 ? 'higher' : at(ratios, 1) < 1 ? 'lower' : null
  }
}

/** Of all cores since the machine started, in ms. */
function coreTimes(): { readonly busy: number; readonly all: number } {
  let busy = 0
  let all = 0
  for (const { times } of cpus()) {
    const work = times.user + times.nice + times.sys + times.irq
    busy += work
    all += work + times.idle
  }
  return { busy, all }
}

function sorted(values: readonly number[]): readonly number[] {
  return [...values].sort((a, b) => a - b)
}

/** A quantile between its neighbours. */
function at(values: readonly number[], q: number): number {
  const index = (values.length - 1) * q
  const below = values[Math.floor(index)] ?? Number.NaN
  const above = values[Math.ceil(index)] ?? below
  return below + (above - below) * (index - Math.floor(index))
}
