/**
 * The story of the fleet's demo, told in lines: one a second with both routers side by side, what was done between
 * them, and at the end what it took. Or the same as NDJSON for machines.
 */
import { type RouteDocument, revisionOf } from '../src/domain/document.ts'
import type { RouteView } from '../src/ports.ts'
import type { FaultKind } from './faults.ts'
import type { Decision } from './fleet-decision.ts'
import {
  answerText,
  type Back,
  type Change,
  decisionText,
  type Ending,
  endingLines
} from './fleet-ending.ts'
import type { Answer } from './router.ts'
import { FAULT_TEXT } from './story.ts'
import type { VariantSeconds } from './tally.ts'

export type FleetSecond = {
  readonly second: number
  readonly routes: readonly RouteView[] // of each router
  readonly stored: RouteDocument | null | 'gone'
  readonly v3: VariantSeconds
  readonly v4: VariantSeconds
  readonly lost: VariantSeconds // answered by no variant
}

type Held = RouteView['quarantined'][string]

export type FleetStory = {
  started(what: {
    readonly rps: number
    readonly users: number
    readonly share: number
    readonly redis: string
  }): void
  second(at: FleetSecond): void
  changed(change: Change): void
  waiting(why: string): void
  broken(fault: FaultKind): void
  quarantined(router: number, held: Held): void
  decided(decision: Decision): void
  killed(): void
  refused(raise: Answer): void
  returned(): void
  putBack(back: Back): void
  ended(ending: Ending): void
  failed(why: string): void
}

const HEAD =
  '   s   in Redis   revisions   set v4   req/s v3/v4   failed   evidence: own, own, fleet   state of v4'

export function fleetToldTo(write: (line: string) => void): FleetStory {
  const between = (text: string) => write(`------ ${text} ------`)
  return {
    started({ rps, users, share, redis }) {
      write(`Two routers that share a Redis (${redis}).`)
      write(`v3 is the champion, v4 the challenger, and will get ${share} % of ${users} users.`)
      write(
        `${rps} requests a second in an open model, in turn to both routers, as behind one port.`
      )
      write(
        'Evidence against v4 is in percent of what the sequential tests need for a rollback: what each'
      )
      write('router counted itself, and what both counted together (every 5 s).')
      write('')
      write(HEAD)
    },
    second: at => write(secondLine(at)),
    changed: ({ share, ms, revision }) =>
      between(
        `router 1 was told v4=${share}; router 2 shows ${revision} ${ms.toFixed(0)} ms later`
      ),
    waiting: why => write(`       (${why})`),
    broken: fault => between(`now v4 ${FAULT_TEXT[fault]}`),
    quarantined: (router, { trigger }) =>
      between(`router ${router} puts v4 into quarantine by ${trigger}`),
    decided: decision => between(`rolled back on both: ${decisionText(decision)}`),
    killed: () => between('Redis is killed (SIGKILL)'),
    refused: raise => between(`router 1 was told to raise v4 and refused: ${answerText(raise)}`),
    returned: () => between('Redis is there again, and empty'),
    putBack: ({ seconds, revision, phase, says }) =>
      between(`${seconds.toFixed(1)} s later it has ${revision} (${phase}): ${says}`),
    ended: ending => {
      for (const line of endingLines(ending)) write(line)
    },
    failed: why => write(`\nThe demo did not show what it should: ${why}`)
  }
}

export function fleetAsJson(write: (line: string) => void): FleetStory {
  const say = (event: string, fields: object = {}) => write(JSON.stringify({ event, ...fields }))
  return {
    started: what => say('started', what),
    second: ({ routes, stored, ...rest }) =>
      say('second', { ...rest, stored: storeText(stored), routers: routes.map(routerFacts) }),
    changed: change => say('changed', change),
    waiting: why => say('waiting', { why }),
    broken: fault => say('broken', { fault }),
    quarantined: (router, held) => say('quarantined', { router, ...held }),
    decided: decision => say('decided', decision),
    killed: () => say('killed'),
    refused: raise => say('refused', raise),
    returned: () => say('returned'),
    putBack: back => say('put-back', back),
    ended: ending => say('summary', { rolledBack: true, ...ending }),
    failed: why => say('summary', { rolledBack: false, why })
  }
}

function routerFacts(view: RouteView) {
  const { weights, actualWeights, phase, quarantined, stale, replicas } = view
  const { triggers, fleetTriggers } = view
  const known = { weights, actualWeights, phase, quarantined, stale, replicas }
  return { revision: revisionOf(view), ...known, triggers, fleetTriggers }
}

function secondLine({ second, routes, stored, v3, v4, lost }: FleetSecond): string {
  return [
    String(second).padStart(4),
    storeText(stored).padStart(9),
    routes.map(revisionOf).join(' ').padStart(10),
    routes
      .map(({ weights }) => weights['v4'] ?? 0)
      .join(' ')
      .padStart(7),
    `${Math.round(v3.rate)}/${Math.round(v4.rate)}`.padStart(12),
    String(v3.failed + v4.failed + lost.failed).padStart(7),
    evidenceText(routes).padEnd(25),
    stateText(routes)
  ].join('  ')
}

function storeText(stored: RouteDocument | null | 'gone'): string {
  if (stored === 'gone') return 'gone'
  return stored === null ? 'nothing' : revisionOf(stored)
}

/** What each router counted itself, and what all counted: the sums are the same on every router. */
function evidenceText(routes: readonly RouteView[]): string {
  if (routes.every(({ challengers }) => challengers['v4']?.rollback)) return ''
  const own = routes.map(({ triggers }) => part(triggers))
  return [...own, part(routes.flatMap(({ fleetTriggers }) => fleetTriggers))].join(' ')
}

/** The largest part of its threshold that any trigger of v4 has, in percent; '-' where none watches. */
function part(triggers: RouteView['triggers']): string {
  const parts = triggers
    .filter(({ variant, threshold }) => variant === 'v4' && threshold > 0)
    .map(({ logEvidence, threshold }) => logEvidence / threshold)
  return parts.length === 0 ? '-' : `${Math.round(100 * Math.max(0, ...parts))}%`
}

/** What each router does with v4; once where all do the same. */
function stateText(routes: readonly RouteView[]): string {
  const states = routes.map(({ weights, quarantined, challengers }) => {
    if (challengers['v4']?.rollback) return 'rolled back'
    if (quarantined['v4'] !== undefined) return 'quarantined'
    return (weights['v4'] ?? 0) > 0 ? 'in traffic' : 'no traffic'
  })
  return new Set(states).size === 1 ? (states[0] ?? '') : states.join(', ')
}
