/**
 * What the triggers promise, as traffic: faults that must take a challenger out in time, and situations that
 * must not. Times in seconds; a fault begins after ten healthy minutes.
 */
import {
  type Answer,
  bucketOfUnit,
  CHALLENGER,
  failed,
  healthy,
  latency,
  seeded,
  type TrafficOptions
} from './traffic-simulation.ts'

const ONSET = 600_000
const BASE = 0.01

export type FaultScenario = {
  readonly name: string
  readonly perSecond: number // requests of the challenger
  readonly mean: number // promised, s
  readonly worst: number // promised, s
  readonly onset: number // ms
  readonly traffic: (seed: number) => TrafficOptions
}

export type CalmScenario = {
  readonly name: string
  readonly until: number // ms
  readonly known: number // share of runs in which a rollback is known and documented
  readonly traffic: (seed: number) => TrafficOptions
  readonly cut?: { readonly at: number; readonly weight: number }
}

type Fault = (random: () => number) => Answer

const good =
  (extra = 0): Fault =>
  random => ({ outcome: 'ok', afterMs: extra + latency(random) })
const dead: Fault = () => ({ outcome: 'connect', afterMs: 1 })
const all500: Fault = random => failed(latency(random))
const all404: Fault = random => ({ outcome: 'client_error', status: 404, afterMs: latency(random) })
const allNan: Fault = random => ({
  outcome: 'bad_prediction',
  status: 200,
  nan: true,
  afterMs: latency(random)
})
const hang: Fault = () => ({ outcome: 'timeout', afterMs: 60_000 })
const sometimes =
  (share: number, fault: Fault): Fault =>
  random =>
    random() < share ? fault(random) : random() < BASE ? all500(random) : good()(random)

const SHARE = 500 // basis points: 5 %

function faulty(
  name: string,
  perSecond: number,
  mean: number,
  worst: number,
  fault: Fault
): FaultScenario {
  const ok = healthy(BASE)
  return {
    name,
    perSecond,
    mean,
    worst,
    onset: ONSET,
    traffic: seed => ({
      seed,
      warm: true,
      weight: SHARE,
      rate: () => (perSecond * 10_000) / SHARE,
      answer: (call, random) =>
        call.variant === CHALLENGER && call.now >= ONSET ? fault(random) : ok(call, random)
    })
  }
}

/** Every call of the challenger comes from one unit. */
function oneAccount(perSecond: number): FaultScenario {
  const scenario = faulty('one service account, dead', perSecond, 10, 10, dead)
  return {
    ...scenario,
    traffic: seed => ({
      ...scenario.traffic(seed),
      unit: random => (random() < SHARE / 10_000 ? account : stranger(random))
    })
  }
}

/** Bijection of 32 bits used by the simulation scatters units; these two pick one by its bucket. */
const account = firstUnit(bucket => bucket < SHARE)
function stranger(random: () => number): number {
  for (;;) {
    const unit = (random() * 2 ** 32) >>> 0
    if (bucketOfUnit(unit) >= SHARE) return unit
  }
}

export const FAULTS: readonly FaultScenario[] = [
  faulty('dead', 5, 2.2, 5.5, dead),
  faulty('all 500', 5, 2.2, 5.5, all500),
  faulty('all 404', 5, 2.2, 5.5, all404),
  faulty('all NaN', 5, 2.2, 5.5, allNan),
  oneAccount(5),
  faulty('all slow', 5, 6, 12, good(500)),
  faulty('hang', 5, 11.3, 13, hang),
  faulty('10 x errors', 5, 60, 180, sometimes(0.1, all500)),
  faulty('dead', 50, 0.6, 1.5, dead),
  faulty('10 x errors', 50, 8, 30, sometimes(0.1, all500)),
  faulty('all slow', 50, 2, 4, good(500)),
  faulty('3 % slow', 50, 60, 180, sometimes(0.03, good(500)))
]

/** Both arms behave alike: `answer` does not look at the variant. */
function alike(
  name: string,
  minutes: number,
  weight: number,
  total: number,
  answer: TrafficOptions['answer'],
  more: Partial<TrafficOptions> = {}
): CalmScenario {
  return {
    name,
    until: minutes * 60_000,
    known: 0,
    traffic: seed => ({ seed, warm: true, weight, rate: () => total, answer, ...more })
  }
}

/** Both arms do `fault` for a while, once. */
function bothFail(name: string, weight: number, seconds: number, fault: Fault): CalmScenario {
  const ok = healthy(BASE)
  return alike(name, 15, weight, Math.max(20, 50_000 / weight), (call, random) =>
    call.now >= ONSET && call.now < ONSET + seconds * 1000 ? fault(random) : ok(call, random)
  )
}

/** A dependency that some calls need is dead for two minutes; the arms notice at different speeds. */
function dependency(share: number, weight: number, known: number): CalmScenario {
  const ok = healthy(BASE)
  const name = `dependency dead for ${share * 100} % of calls: 3 s here, 30 s there, at ${weight / 100} %`
  const scenario = alike(name, 15, weight, Math.max(20, 50_000 / weight), (call, random) => {
    const down = call.now >= ONSET && call.now < ONSET + 120_000
    if (!down || random() >= share) return ok(call, random)
    return call.variant === CHALLENGER
      ? failed(3000)
      : { outcome: 'timeout', afterMs: 30_000, status: 504 }
  })
  return { ...scenario, known }
}

const unevenUsers: CalmScenario = {
  name: '2,000 users of whom 2 % fail 20 % of their calls',
  until: 3_600_000,
  known: 0,
  traffic: seed => {
    const random = seeded(seed ^ 0x5eed)
    const users = Array.from({ length: 2000 }, () => (random() * 2 ** 32) >>> 0)
    const failing = new Set(users.slice(0, 40))
    return {
      seed,
      warm: true,
      weight: 500,
      rate: () => 100,
      unit: random => users[Math.floor(random() * users.length)] ?? 0,
      answer: ({ unit }, random) =>
        random() < (unit !== null && failing.has(unit) ? 0.2 : 0.002)
          ? failed(latency(random))
          : { outcome: 'ok', afterMs: latency(random) }
    }
  }
}

const unevenTenants: CalmScenario = {
  name: '200 tenants, uneven in traffic and in errors',
  until: 3_600_000,
  known: 0,
  traffic: seed => {
    const random = seeded(seed ^ 0x7e4a)
    const tenants = Array.from({ length: 200 }, () => (random() * 2 ** 32) >>> 0)
    const errors = new Map(tenants.map(tenant => [tenant, 0.03 * random() ** 2]))
    return {
      seed,
      warm: true,
      weight: 1000,
      rate: () => 100,
      unit: random => tenants[Math.floor(200 * random() ** 2)] ?? 0,
      answer: ({ unit }, random) =>
        random() < (errors.get(unit ?? 0) ?? 0)
          ? failed(latency(random))
          : { outcome: 'ok', afterMs: latency(random) }
    }
  }
}

const retries: TrafficOptions['answer'] = ({ attempt }, random) => {
  const fails = attempt > 0 || random() < BASE / 3
  if (!fails) return { outcome: 'ok', afterMs: latency(random) }
  const answer = failed(latency(random))
  return attempt < 2 ? { ...answer, retryAfterMs: 500 + random() * 1500 } : answer
}

const coldStart: CalmScenario = {
  name: 'cold start: the first 30 s and 200 requests are slow',
  until: 900_000,
  known: 0,
  traffic: seed => {
    let seen = 0
    return {
      seed,
      weight: 1000,
      rate: () => 100,
      answer: ({ variant, now }, random) => {
        const cold = variant === CHALLENGER && (++seen <= 200 || now < 30_000)
        return { outcome: 'ok', afterMs: (cold ? 2000 : 0) + latency(random) }
      }
    }
  }
}

/** 5 % of the runs send no request in the 1.5 s of refusals: without health checks nothing tells a restart. */
const restart: CalmScenario = {
  name: 'restart of the challenger: refused for 1.5 s, slow for 25 s',
  until: 900_000,
  known: 0.1,
  traffic: seed => {
    const ok = healthy(BASE)
    return {
      seed,
      weight: SHARE,
      rate: () => 40,
      answer: (call, random) => {
        const since = call.variant === CHALLENGER ? call.now - ONSET : -1
        if (since < 0 || since >= 26_500) return ok(call, random)
        return since < 1500 ? dead(random) : good(1500)(random)
      }
    }
  }
}

const failingClient: CalmScenario = {
  name: 'one client sends only failing prompts',
  until: 1_800_000,
  known: 0,
  traffic: seed => {
    const ok = healthy(BASE)
    const client = account
    return {
      seed,
      warm: true,
      weight: SHARE,
      rate: () => 100,
      unit: random => (random() < 0.02 ? client : (random() * 2 ** 32) >>> 0),
      answer: (call, random) => (call.unit === client ? failed(latency(random)) : ok(call, random))
    }
  }
}

const cut: CalmScenario = {
  ...alike('weight cut from 50 to 5 % with 60 s timeouts pending', 15, 5000, 100, (_, random) =>
    random() < 0.05
      ? { outcome: 'timeout', afterMs: 60_000, status: 504 }
      : { outcome: 'ok', afterMs: latency(random) }
  ),
  cut: { at: ONSET, weight: 500 }
}

export const CALM: readonly CalmScenario[] = [
  alike('A/A, 1 % errors, 500 requests a second', 30, 500, 500, healthy(BASE)),
  unevenUsers,
  unevenTenants,
  alike(
    'half of the requests without unit, 20 % of them fail',
    30,
    500,
    200,
    ({ unit }, random) =>
      random() < (unit === null ? 0.2 : BASE)
        ? failed(latency(random))
        : { outcome: 'ok', afterMs: latency(random) },
    { unit: random => (random() < 0.5 ? null : (random() * 2 ** 32) >>> 0) }
  ),
  alike('retries in chains of 3', 60, 500, 100, retries),
  cut,
  ...[500, 5000, 9000].flatMap(weight => [
    bothFail(`both arms x 10 for 5 min at ${weight / 100} %`, weight, 300, sometimes(0.1, all500)),
    bothFail(`both dead for 30 s at ${weight / 100} %`, weight, 30, dead),
    bothFail(`both NaN for 30 s at ${weight / 100} %`, weight, 30, allNan),
    dependency(1, weight, 0),
    dependency(0.5, weight, 0),
    dependency(0.3, weight, 0)
  ]),
  dependency(0.2, 500, 0.03),
  coldStart,
  restart,
  failingClient
]

function firstUnit(fits: (bucket: number) => boolean): number {
  let unit = 1
  while (!fits(bucketOfUnit(unit))) unit++
  return unit
}
