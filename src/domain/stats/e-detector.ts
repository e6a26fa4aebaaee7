/**
 * e-detectors: evidence for a change, which may be looked at after every tick without an error from looking.
 *
 * Per alternative k: L_k = max(L_k, 0) + log-likelihood ratio of the tick; the evidence is log mean exp(L_k).
 * Under the null P(evidence >= ln c within T ticks) <= T / c (Shin, Ramdas, Rinaldo, e-detectors). L_k stays
 * at or below `cap`, so that evidence can fall again. Results are finite for any counts.
 */
const ALTERNATIVES = 6
const TWO_SAMPLE = [2, 3, 5, 10, 30, 100] as const
const ONE_SAMPLE = [1.5, 2, 3, 5, 10, 40] as const
const LOG_TWO_SAMPLE = TWO_SAMPLE.map(Math.log)
const SMALLEST = 1e-9
const LARGEST = 0.99

/** Words of a sum of counts per stratum: n and x of the challenger, n and x of the champion. */
const SUM = 4

/** ln of the mean of exp(L_k). */
export function logMean(logs: Float64Array): number {
  const top = best(logs)
  const max = logs[top] ?? 0
  let sum = 0
  for (const l of logs) sum += Math.exp(l - max)
  return max + Math.log(sum / logs.length)
}

/** Index of the largest L_k. */
export function best(logs: Float64Array): number {
  let top = 0
  for (let k = 1; k < logs.length; k++) if ((logs[k] ?? 0) > (logs[top] ?? 0)) top = k
  return top
}

/** Whether the evidence reaches `threshold`; cheap while it is far. */
function reaches(logs: Float64Array, threshold: number): boolean {
  return (logs[best(logs)] ?? 0) >= threshold && logMean(logs) >= threshold
}

/** The challenger's rate exceeds `rho0` times the champion's; several strata add their log-likelihoods. */
export class TwoSampleDetector {
  readonly logs = new Float64Array(ALTERNATIVES)
  readonly startTick = new Float64Array(ALTERNATIVES) // of each alternative's last reset
  readonly #strata: number
  readonly #totals: Float64Array
  readonly #bases: Float64Array
  readonly #rho0: number
  #cap: number

  constructor(rho0: number, strata: number, cap: number, tick: number) {
    this.#rho0 = Math.max(SMALLEST, rho0)
    this.#strata = strata
    this.#cap = cap
    this.#totals = new Float64Array(strata * SUM)
    this.#bases = new Float64Array(strata * SUM * ALTERNATIVES)
    this.startTick.fill(tick)
  }

  /** Another cap; evidence above it comes down to it, and everything else stays. */
  retune(cap: number): void {
    this.#cap = cap
    lower(this.logs, cap)
  }

  /** Opens a tick in which at least one stratum has requests in both arms. */
  open(tick: number): void {
    const size = this.#strata * SUM
    for (let k = 0; k < ALTERNATIVES; k++) {
      if ((this.logs[k] ?? 0) > 0) continue
      this.logs[k] = 0
      this.startTick[k] = tick
      for (let i = 0; i < size; i++) this.#bases[k * size + i] = this.#totals[i] ?? 0
    }
  }

  /** Adds one stratum's counts of the tick; nc > 0 and nb > 0. `phi` divides the evidence. */
  add(stratum: number, nc: number, nb: number, xc: number, xb: number, phi: number): void {
    this.#count(stratum, nc, nb, xc, xb)
    if (xc + xb === 0) return
    const odds = (this.#rho0 * nc) / nb
    for (let k = 0; k < ALTERNATIVES; k++) {
      const m = TWO_SAMPLE[k] ?? 1
      const shrink = Math.log((1 + odds) / (1 + m * odds))
      const gain = xc * (LOG_TWO_SAMPLE[k] ?? 0) + (xc + xb) * shrink
      this.#raise(k, gain / phi)
    }
  }

  /** Adds counts of the challenger against a frozen champion: share `p`, seen in nb requests as xb. */
  addFrozen(stratum: number, n: number, x: number, frozen: Frozen, phi: number): void {
    this.#freeze(stratum, n, x, frozen)
    const p0 = clamp(this.#rho0 * frozen.share)
    for (let k = 0; k < ALTERNATIVES; k++) {
      this.#raise(k, bernoulli(n, x, p0, clamp(p0 * (TWO_SAMPLE[k] ?? 1))) / phi)
    }
  }

  atLeast(threshold: number): boolean {
    return reaches(this.logs, threshold)
  }

  get logM(): number {
    return logMean(this.logs)
  }

  bestStartTick(): number {
    return this.startTick[best(this.logs)] ?? 0
  }

  /** Sums since the best alternative's reset, per stratum: [nc, xc, nb, xb]. */
  since(stratum: number): readonly [number, number, number, number] {
    const from = best(this.logs) * this.#strata * SUM + stratum * SUM
    const at = stratum * SUM
    const sum = (i: number) => (this.#totals[at + i] ?? 0) - (this.#bases[from + i] ?? 0)
    return [sum(0), sum(1), sum(2), sum(3)]
  }

  /** Failures of the challenger since the best alternative's reset. */
  failures(): number {
    let failures = 0
    for (let s = 0; s < this.#strata; s++) failures += this.since(s)[1]
    return failures
  }

  /** Failures of the challenger over what the champion's rates let expect, since the same reset. */
  ratio(): number | null {
    let failures = 0
    let expected = 0
    for (let s = 0; s < this.#strata; s++) {
      const [nc, xc, nb, xb] = this.since(s)
      if (nc <= 0 || nb <= 0) continue
      failures += xc
      expected += (nc * (xb + 0.5)) / nb
    }
    return expected > 0 ? failures / expected : null
  }

  #count(stratum: number, nc: number, nb: number, xc: number, xb: number): void {
    const at = stratum * SUM
    this.#totals[at] = (this.#totals[at] ?? 0) + nc
    this.#totals[at + 1] = (this.#totals[at + 1] ?? 0) + xc
    this.#totals[at + 2] = (this.#totals[at + 2] ?? 0) + nb
    this.#totals[at + 3] = (this.#totals[at + 3] ?? 0) + xb
  }

  /** The frozen sums stand for the champion as they are, at any time since the reset. */
  #freeze(stratum: number, n: number, x: number, frozen: Frozen): void {
    const size = this.#strata * SUM
    const at = stratum * SUM
    this.#totals[at] = (this.#totals[at] ?? 0) + n
    this.#totals[at + 1] = (this.#totals[at + 1] ?? 0) + x
    this.#totals[at + 2] = frozen.n
    this.#totals[at + 3] = frozen.x
    for (let k = 0; k < ALTERNATIVES; k++) {
      this.#bases[k * size + at + 2] = 0
      this.#bases[k * size + at + 3] = 0
    }
  }

  #raise(k: number, gain: number): void {
    const l = (this.logs[k] ?? 0) + gain
    this.logs[k] = Math.min(l, this.#cap)
  }
}

/** A champion that gets no more requests: what it did before, and an upper bound of its share. */
export type Frozen = { readonly n: number; readonly x: number; readonly share: number }

/** A share exceeds `p0`. */
export class OneSampleDetector {
  readonly logs = new Float64Array(ALTERNATIVES)
  readonly startTick: Float64Array
  readonly #hit: readonly number[]
  readonly #miss: readonly number[]
  #cap: number

  constructor(p0: number, cap: number, tick: number) {
    const p = clamp(p0)
    this.#hit = ONE_SAMPLE.map(m => Math.log(clamp(p * m) / p))
    this.#miss = ONE_SAMPLE.map(m => Math.log((1 - clamp(p * m)) / (1 - p)))
    this.#cap = cap
    this.startTick = new Float64Array(ALTERNATIVES).fill(tick)
  }

  /** Another cap; evidence above it comes down to it, and everything else stays. */
  retune(cap: number): void {
    this.#cap = cap
    lower(this.logs, cap)
  }

  /** One tick: x of n failed. Without requests evidence only stops being negative. */
  add(n: number, x: number, phi: number, tick: number): void {
    for (let k = 0; k < ALTERNATIVES; k++) {
      let l = this.logs[k] ?? 0
      if (l <= 0) {
        l = 0
        this.startTick[k] = tick
      }
      l += (x * (this.#hit[k] ?? 0) + (n - x) * (this.#miss[k] ?? 0)) / phi
      this.logs[k] = Math.min(l, this.#cap)
    }
  }

  atLeast(threshold: number): boolean {
    return reaches(this.logs, threshold)
  }

  get logM(): number {
    return logMean(this.logs)
  }
}

function lower(logs: Float64Array, cap: number): void {
  for (let k = 0; k < logs.length; k++) logs[k] = Math.min(logs[k] ?? 0, cap)
}

function bernoulli(n: number, x: number, p0: number, p: number): number {
  return x * Math.log(p / p0) + (n - x) * Math.log((1 - p) / (1 - p0))
}

function clamp(p: number): number {
  return Math.min(LARGEST, Math.max(SMALLEST, p))
}
