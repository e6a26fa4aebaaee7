/**
 * What the demo of a fleet found, act by act, and how it is told at the end.
 */
import type { Rollback } from '../src/domain/document.ts'
import type { FaultKind } from './faults.ts'
import type { Decision } from './fleet-decision.ts'
import type { Answer } from './router.ts'

export type Change = {
  readonly share: number // percent
  readonly ms: number // from sending it to router 1 until router 2 shows it
  readonly revision: string
}

export type Fall = {
  readonly rollback: Rollback
  readonly decision: Decision
  readonly secondsToZero: readonly number[] // of each router, onset of the fault to no traffic
  readonly secondsToLastRequest: number // onset to the last request that the challenger answered
  readonly hurt: { readonly users: number; readonly requests: number }
  readonly requests: number // until then
  readonly later: { readonly v3: number; readonly v4: number } // answers after weight 0 on both
}

export type Outage = {
  readonly seconds: number
  readonly requests: number
  readonly failed: number
  readonly raise: Answer // what router 1 said to one
}

/** What Redis had after it came back without anything. */
export type Back = {
  readonly seconds: number // from its first answer until it had the rollback
  readonly revision: string
  readonly phase: string
  readonly says: string // the audit entry of the router that put it back
  readonly raise: Answer // what router 2 said to one then
}

export type Ending = {
  readonly fault: FaultKind
  readonly users: number // all
  readonly change: Change
  readonly fall: Fall
  readonly outage: Outage
  readonly back: Back
  readonly look: Look
}

/** How to reach the routers of this run from another terminal. */
export type Look = {
  readonly routers: readonly {
    readonly adminUrl: string
    readonly tokenFile: string
    readonly dataUrl: string
  }[]
  readonly keep: boolean
}

export function endingLines({ users, change, fall, outage, back, look }: Ending): string[] {
  const { hurt, rollback, later } = fall
  const who = hurt.users === 0 ? 'nobody' : `${hurt.users} of ${users} users`
  const zero = fall.secondsToZero.map((each, i) => `router ${i + 1} ${seconds(each)}`)
  return [
    '',
    'v4 was rolled back on both routers, and stayed so when Redis had lost everything:',
    `  ${fall.decision.says}`,
    '',
    `  weights of router 1 on router 2 after   ${change.ms.toFixed(0)} ms`,
    `  onset of the fault to weight 0          ${zero.join(', ')}`,
    `  onset to the last request v4 answered   ${seconds(fall.secondsToLastRequest)}`,
    `  decided by                              ${decisionText(fall.decision)}`,
    `  hurt                                    ${who}, ${hurt.requests} of ${fall.requests} requests`,
    `  answers in the 2 s after                v3 ${later.v3}, v4 ${later.v4}`,
    `  failed in ${`${seconds(outage.seconds)} without Redis`.padEnd(30)}${outage.failed} of ${outage.requests} requests`,
    `  a raise without Redis                   ${answerText(outage.raise)}`,
    `  in Redis ${`${seconds(back.seconds)} after it came back`.padEnd(31)}${back.revision}, ${back.phase}`,
    `  a raise then                            ${answerText(back.raise)}`,
    '',
    ...lookLines(look, rollback.id)
  ]
}

export function decisionText({ by, routers, trigger }: Decision): string {
  const names = routers.map(number => `router ${number}`).join(' and ')
  if (by === 'counters') return `${trigger} on the sums of ${names}`
  if (by === 'one router') return `${trigger} on what one router counted`
  return `${names} had it in quarantine (${trigger}): ${routers.length > 1 ? 'two are enough' : 'with 30 % of its calls one is enough'}`
}

export function answerText({ status, code }: Answer): string {
  return code === null ? `${status}` : `${status} ${code}`
}

function seconds(value: number): string {
  return `${value.toFixed(1)} s`
}

function lookLines({ routers, keep }: Look, id: string): string[] {
  if (!keep) {
    return ['npm run demo -- --fleet --keep leaves it running, with the commands to look around.']
  }
  const [one, two] = routers.map(
    ({ adminUrl, tokenFile }) => `--admin ${adminUrl} --token-file ${tokenFile}`
  )
  return [
    'It is still running; Ctrl-C ends it. From another terminal:',
    `  bin/sluice.js status fraud ${one}`,
    `  bin/sluice.js status fraud ${two}`,
    `  bin/sluice.js decisions fraud ${two}`,
    `  bin/sluice.js clear fraud ${id} ${one}`,
    ...routers.map(
      ({ dataUrl }) =>
        `  curl -i ${dataUrl}/v2/models/fraud/infer -H 'x-user-id: user-42' -d '{"inputs":[{"name":"features","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}'`
    )
  ]
}
