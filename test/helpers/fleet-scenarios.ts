/**
 * What the triggers of the fleet promise, as traffic over five replicas: faults that no replica must see alone, and
 * situations that must not roll back. The traffic of a scenario is shared by the replicas, so each has a fifth.
 */
import { FleetTraffic } from './fleet-simulation.ts'
import { CALM, type CalmScenario, FAULTS, type FaultScenario } from './traffic-scenarios.ts'
import {
  type Answer,
  CHALLENGER,
  type Decided,
  healthy,
  type TrafficOptions
} from './traffic-simulation.ts'

export const REPLICAS = 5

/** `mean` and `worst` in s to the alarm of the fleet: a slot may last 5 s more, and a beat on each side 1 s. */
export type FleetFault = {
  readonly scenario: FaultScenario
  readonly mean: number
  readonly worst: number
}

export const FLEET_FAULTS: readonly FleetFault[] = [
  promised('dead', 5, 8, 13),
  promised('all 500', 5, 8, 13),
  promised('all 404', 5, 8, 13),
  promised('all NaN', 5, 8, 13),
  promised('all slow', 5, 8, 13),
  promised('10 x errors', 5, 90, 180),
  promised('dead', 50, 7, 10),
  promised('10 x errors', 50, 15, 30),
  promised('all slow', 50, 7, 10)
]

/** In these no replica is to blame, nor the challenger. */
export const FLEET_CALM: readonly CalmScenario[] = CALM

/** Shares of replicas on which every call of the challenger fails: its network, and nobody's model. */
export type BadReplicas = { readonly of: number; readonly bad: number; readonly perSecond: number }

export const ONE_BAD: readonly BadReplicas[] = [
  { of: 5, bad: 1, perSecond: 1 },
  { of: 5, bad: 1, perSecond: 10 },
  { of: 20, bad: 1, perSecond: 1 }
]

/** Several replicas with the traffic of one scenario. */
export function fleetOf(traffic: (seed: number) => TrafficOptions, seed: number): FleetTraffic {
  const replicas = Array.from({ length: REPLICAS }, (_, i): TrafficOptions => {
    const options = traffic(seed)
    return { ...options, seed: seed * 100 + i, rate: now => options.rate(now) / REPLICAS }
  })
  return new FleetTraffic({ seed, replicas })
}

/** Replicas of which some reach no challenger after five minutes. */
export function partlyBad({ of, bad, perSecond }: BadReplicas, seed: number): FleetTraffic {
  const ok = healthy(0.01)
  const refused: Answer = { outcome: 'connect', afterMs: 1 }
  const replicas = Array.from(
    { length: of },
    (_, i): TrafficOptions => ({
      seed: seed * 100 + i,
      warm: true,
      weight: 500,
      rate: () => perSecond * 20,
      answer: (call, random) =>
        i < bad && call.variant === CHALLENGER && call.now >= BAD_FROM_MS
          ? refused
          : ok(call, random)
    })
  )
  return new FleetTraffic({ seed, replicas, own: true })
}

export const BAD_FROM_MS = 300_000

/** Runs a situation to its end, with its change of weight; gives the rollback. */
export function runCalmFleet(scenario: CalmScenario, seed: number) {
  const fleet = fleetOf(scenario.traffic, seed)
  let rollback: Decided | null = fleet.run(scenario.cut?.at ?? scenario.until)
  if (!rollback && scenario.cut) {
    for (const { traffic } of fleet.replicas) traffic.setWeight(scenario.cut.weight)
    rollback = fleet.run(scenario.until)
  }
  return { fleet, rollback }
}

function promised(name: string, perSecond: number, mean: number, worst: number): FleetFault {
  const scenario = FAULTS.find(one => one.name === name && one.perSecond === perSecond)
  if (!scenario) throw new Error(`there is no fault ${name} at ${perSecond} requests a second`)
  return { scenario, mean, worst }
}
