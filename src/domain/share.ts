/**
 * Observed share of a route's requests per variant over the last minute: the actual weight beside the set one.
 *
 * Works on running totals that wrap at 2^32, sampled once a second; 61 samples give 60 differences.
 */
const SECONDS = 60

export type ShareWindow = {
  /** Adds the totals of this second. Calls less than a second apart are ignored. */
  sample(nowMs: number, totals: ReadonlyMap<string, number>): void
  /** Percent per variant, two decimals; empty while nothing came in the window. */
  percent(): Readonly<Record<string, number>>
}

export function createShareWindow(): ShareWindow {
  const samples: { readonly at: number; readonly totals: ReadonlyMap<string, number> }[] = []
  return {
    sample(nowMs, totals) {
      const last = samples.at(-1)
      if (last && nowMs - last.at < 1000) return
      samples.push({ at: nowMs, totals: new Map(totals) })
      while (samples.length > SECONDS + 1) samples.shift()
    },
    percent() {
      const first = samples[0]
      const last = samples.at(-1)
      if (!first || !last) return {}
      const counts: [string, number][] = []
      let all = 0
      for (const [variant, total] of last.totals) {
        const count = (total - (first.totals.get(variant) ?? 0)) >>> 0
        counts.push([variant, count])
        all += count
      }
      if (all === 0) return {}
      return Object.fromEntries(counts.map(([v, n]) => [v, Math.round((n / all) * 10_000) / 100]))
    }
  }
}
