/**
 * The story of the demo, told in lines: what was started, one line a second, the fault, the rollback with its
 * evidence, and where to look further. Or the same as NDJSON for machines.
 */
import type { Rollback } from '../src/domain/document.ts'
import type { RouteView, TriggerView } from '../src/ports.ts'
import type { FaultKind } from './faults.ts'
import type { VariantSeconds } from './tally.ts'

export type Second = {
  readonly second: number
  readonly view: RouteView
  readonly v3: VariantSeconds
  readonly v4: VariantSeconds
  readonly lost: VariantSeconds // answered by no variant
}

export type Ending = {
  readonly fault: FaultKind
  readonly rollback: Rollback
  readonly secondsToZero: number // onset of the fault to weight 0
  readonly secondsToLastRequest: number // onset to the last request that the challenger answered
  readonly hurt: { readonly users: number; readonly requests: number }
  readonly users: number // all
  readonly requests: number
  readonly later: { readonly v3: number; readonly v4: number } // answers after weight 0
  readonly look: Look
}

/** How to reach the router of this run from another terminal. */
export type Look = {
  readonly adminUrl: string
  readonly tokenFile: string
  readonly dataUrl: string
  readonly keep: boolean
}

export type Story = {
  started(what: { readonly rps: number; readonly users: number; readonly share: number }): void
  second(at: Second): void
  broken(fault: FaultKind): void
  waiting(why: string): void
  ended(ending: Ending): void
  failed(why: string): void
}

export const FAULT_TEXT: Readonly<Record<FaultKind, string>> = {
  none: 'stays healthy',
  errors: 'answers every prediction with 500, its health endpoint stays green',
  nan: 'computes NaN, with status 200',
  slow: 'takes 800 ms for every answer',
  dead: 'is killed (SIGKILL)',
  'not-found': 'answers everything with 404',
  hang: 'accepts requests and never answers'
}

const HEAD =
  '   s   set v3/v4   seen v4   req/s v3/v4   failed   p99 ms v3/v4    evidence against v4 / threshold'

export function toldTo(write: (line: string) => void): Story {
  return {
    started({ rps, users, share }) {
      write(`v3 is the champion, v4 the challenger with ${share} % of ${users} users.`)
      write(`${rps} requests a second in an open model; every process here is a real one.`)
      write('')
      write(HEAD)
    },
    second: at => write(secondLine(at)),
    broken: fault => write(`------ now v4 ${FAULT_TEXT[fault]} ------`),
    waiting: why => write(`       (${why})`),
    ended: ending => {
      for (const line of endingLines(ending)) write(line)
    },
    failed: why => write(`\nThe demo did not show a rollback: ${why}`)
  }
}

export function asJson(write: (line: string) => void): Story {
  const say = (event: string, fields: object) => write(JSON.stringify({ event, ...fields }))
  return {
    started: what => say('started', what),
    second: ({ second, view, v3, v4, lost }) =>
      say('second', {
        second,
        weights: view.weights,
        actualWeights: view.actualWeights,
        revision: `${view.epoch}-${view.revision}`,
        v3,
        v4,
        lost,
        triggers: view.triggers
      }),
    broken: fault => say('broken', { fault }),
    waiting: why => say('waiting', { why }),
    ended: ending => say('summary', { rolledBack: true, ...ending }),
    failed: why => say('summary', { rolledBack: false, why })
  }
}

function secondLine({ second, view, v3, v4, lost }: Second): string {
  const { v3: champion = 0, v4: challenger = 0 } = view.weights
  const { v4: seen = 0 } = view.actualWeights
  return [
    String(second).padStart(4),
    `${champion}/${challenger}`.padStart(10),
    `${seen.toFixed(1)} %`.padStart(8),
    `${Math.round(v3.rate)}/${Math.round(v4.rate)}`.padStart(12),
    String(v3.failed + v4.failed + lost.failed).padStart(7),
    `${milliseconds(v3.p99)}/${milliseconds(v4.p99)}`.padStart(14),
    evidence(view)
  ].join('  ')
}

function milliseconds(value: number | null): string {
  return value === null ? '-' : value.toFixed(value < 10 ? 1 : 0)
}

function evidence(view: RouteView): string {
  const { v4 } = view.challengers
  const rollback = v4?.rollback ?? null
  if (rollback !== null) return `  rolled back by ${rollback.trigger}`
  const top = topTrigger(view)
  if (top === undefined) return ''
  const state = top.state === 'armed' ? '' : ` (${top.state})`
  return `  ${top.trigger} ${top.logEvidence.toFixed(1)} / ${top.threshold.toFixed(1)}${state}`
}

function topTrigger(view: RouteView): TriggerView | undefined {
  const own = view.triggers.filter(trigger => trigger.variant === 'v4')
  const part = ({ logEvidence, threshold }: TriggerView) =>
    threshold > 0 ? logEvidence / threshold : 0
  return own.sort((a, b) => part(b) - part(a))[0]
}

function endingLines(e: Ending): string[] {
  const seconds = (value: number) => `${value.toFixed(1)} s`
  const hurt = e.hurt.users === 0 ? 'nobody' : `${e.hurt.users} of ${e.users} users`
  return [
    '',
    `v4 was rolled back by the trigger ${e.rollback.trigger}:`,
    `  ${e.rollback.reason}`,
    '',
    `  onset of the fault to weight 0          ${seconds(e.secondsToZero)}`,
    `  onset to the last request v4 answered   ${seconds(e.secondsToLastRequest)}`,
    `  hurt                                    ${hurt}, ${e.hurt.requests} of ${e.requests} requests`,
    `  answers since then                      v3 ${e.later.v3}, v4 ${e.later.v4}`,
    '',
    ...lookLines(e.look, e.rollback.id)
  ]
}

function lookLines({ adminUrl, tokenFile, dataUrl, keep }: Look, id: string): string[] {
  if (!keep) return ['npm run demo -- --keep leaves it running, with the commands to look around.']
  const sluice = (words: string) =>
    `  bin/sluice.js ${words} --admin ${adminUrl} --token-file ${tokenFile}`
  return [
    'It is still running; Ctrl-C ends it. From another terminal:',
    sluice('status fraud'),
    sluice('decisions fraud'),
    sluice('explain fraud user-42'),
    sluice(`clear fraud ${id}`),
    `  curl -i ${dataUrl}/v2/models/fraud/infer -H 'x-user-id: user-42' -d '{"inputs":[{"name":"features","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]}'`
  ]
}
