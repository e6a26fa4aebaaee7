/**
 * What leaves the watch: an alarm with the action that its trigger allows, and not again at every tick.
 *
 * A rollback is said again after 5 s while the challenger is still in traffic; what leaves traffic as it is,
 * once a minute.
 */
import type { TriggerName, TriggerSettings } from '../trigger-settings.ts'
import type { TriggerDecision, TriggerStatus } from '../watch.ts'

const ROLLBACK_GAP_MS = 5_000
const OTHER_GAP_MS = 60_000
const FRESH_MS = 60_000

export type Alarm = {
  readonly trigger: TriggerName
  readonly verdict: 'rollback' | 'pause'
  readonly sentence: string
  readonly evidence: Readonly<Record<string, unknown>>
}

type Said = { readonly at: number; readonly state: TriggerStatus['state'] }

export class Alarms {
  readonly #variant: string
  readonly #settings: TriggerSettings
  readonly #said = {
    rollback: new Map<TriggerName, Said>(),
    pause: new Map<TriggerName, Said>()
  }

  constructor(variant: string, settings: TriggerSettings) {
    this.#variant = variant
    this.#settings = settings
  }

  /** Whether an alarm would be said now; asked first, so that evidence is only put together when it is. */
  due(trigger: TriggerName, verdict: 'rollback' | 'pause', now: number): boolean {
    const said = this.#said[verdict].get(trigger)
    if (!said) return true
    const gap = said.state === 'fired' ? ROLLBACK_GAP_MS : OTHER_GAP_MS
    return now - said.at >= gap
  }

  say(alarm: Alarm, now: number): TriggerDecision {
    const { trigger, verdict, sentence, evidence } = alarm
    const { action, dryRun } = actingOf(this.#settings, trigger)
    const acting = action === 'rollback' ? verdict : action
    const fired = acting === 'rollback' && !dryRun
    this.#said[verdict].set(trigger, { at: now, state: fired ? 'fired' : 'pausing' })
    return { variant: this.#variant, trigger, action: acting, dryRun, sentence, evidence }
  }

  /** What was said of a trigger in the last minute; null for nothing. */
  stateOf(trigger: TriggerName, now: number): 'fired' | 'pausing' | null {
    const rollback = this.#said.rollback.get(trigger)
    if (rollback?.state === 'fired') return 'fired'
    const pause = this.#said.pause.get(trigger)
    const last = Math.max(rollback?.at ?? -Infinity, pause?.at ?? -Infinity)
    return now - last < FRESH_MS ? 'pausing' : null
  }

  clear(): void {
    this.#said.rollback.clear()
    this.#said.pause.clear()
  }
}

/** The settings of a trigger's action; a trigger that is off never gets here. */
function actingOf(settings: TriggerSettings, trigger: TriggerName) {
  const { errors, clientErrors, badPredictions, latency, absence, gross } = settings
  const byName = {
    errors,
    client_errors: clientErrors,
    bad_predictions: badPredictions,
    latency,
    absence,
    gross
  }
  return byName[trigger] ?? gross
}
