/**
 * Rule 7 over time: which question to the champion is open since when, and how far back it goes.
 *
 * A question keeps the first failure that it began with while it waits. A champion found unwell is asked about
 * all of that incident for a minute, so that a lucky second does not roll back.
 */

import type { Counters } from '../counts.ts'
import type { TriggerName } from '../trigger-settings.ts'
import { type ChampionCheck, checkChampion, type WellKind } from './champion-check.ts'
import type { ChampionView } from './champion-view.ts'

const INCIDENT_MS = 60_000

export type Question = {
  readonly trigger: TriggerName
  readonly well: WellKind
  readonly firstFailureAt: number // ms since the process epoch
  readonly slaMs: number | null // for latency
  /** False where the failures may be chance: an answer "unwell" is then no incident. */
  readonly notable?: boolean
}

type Open = { readonly since: number; readonly firstFailureAt: number }

export class ChampionGate {
  readonly #open = new Map<TriggerName, Open>()
  #incident: Open | null = null

  /** Whether an answer is waited for. */
  get waits(): boolean {
    return this.#open.size > 0
  }

  /** Drops questions that nobody asks any more. */
  keep(asked: readonly { readonly trigger: TriggerName }[]): void {
    for (const trigger of this.#open.keys()) {
      if (!asked.some(question => question.trigger === trigger)) this.#open.delete(trigger)
    }
  }

  clear(): void {
    this.#open.clear()
  }

  ask(
    question: Question,
    live: readonly Counters[],
    challenger: readonly Counters[],
    champion: Pick<ChampionView, 'answers'>,
    now: number
  ): ChampionCheck {
    const { trigger, well, firstFailureAt, slaMs, notable = true } = question
    const open = this.#open.get(trigger) ?? { since: now, firstFailureAt }
    const known = this.#incident
    const incident = known && now - known.since < INCIDENT_MS ? known : open
    const from = Math.min(firstFailureAt, open.firstFailureAt, incident.firstFailureAt)
    const waited = now - open.since
    const check = checkChampion(live, challenger, well, from, now, champion.answers, slaMs, waited)
    if (check.state === 'wait') this.#open.set(trigger, open)
    else this.#open.delete(trigger)
    if (check.state === 'unwell' && notable) {
      this.#incident = { since: now, firstFailureAt: incident.firstFailureAt }
    }
    return check
  }
}
