/**
 * One micro-bench: named loops over one thing, nanoseconds per call as medians over rounds. The value that a
 * loop adds up is kept, so that the engine cannot drop the work.
 */
import { figure, machine, modeOf, nanosPerCall, publish, show } from '../harness.ts'

/** Makes `calls` calls and returns something that depends on all of them. */
export type Loop = { readonly name: string; readonly run: (calls: number) => number }

let kept = 0

/** Measures and publishes `micro/<name>`. */
export function micro(name: string, question: string, loops: readonly Loop[]): void {
  const mode = modeOf()
  const rows = loops.map(loop => {
    const samples = nanosPerCall(calls => {
      kept = (kept + loop.run(calls)) | 0
    }, mode)
    return [loop.name, show(figure(samples), 0)]
  })
  publish({
    bench: `micro/${name}`,
    question,
    mode,
    machine: machine(),
    tables: [{ title: 'Median (quartiles)', columns: ['what', 'ns a call'], rows }],
    ratios: [],
    notes: []
  })
  if (!Number.isFinite(kept)) throw new Error('a loop gave no number')
}
