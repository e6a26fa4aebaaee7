/**
 * Settings of the hard triggers of a route: durations in ms, limits as shares, a trigger that is off is null.
 *
 * Exports: `resolveTriggers`.
 */
import type { BadKind } from '../domain/counts.ts'
import type { Protocol } from '../domain/route.ts'
import type { TriggerSettings } from '../domain/trigger-settings.ts'
import { parseDuration, parsePercent } from './quantities.ts'
import type { ConfigFile } from './schema.ts'

type TriggersFile = ConfigFile['routes'][string]['triggers']

const KINDS: readonly BadKind[] = ['nan', 'infinite', 'null', 'unparsable', 'shape']
const CHAT: readonly Protocol[] = ['openai', 'anthropic']

export function resolveTriggers(triggers: TriggersFile, protocol: Protocol): TriggerSettings {
  const errors = on(triggers.errors)
  const bad = on(triggers.badPredictions)
  const latency = on(triggers.latency)
  const absence = on(triggers.absence)
  return {
    alphaPerDay: triggers.alphaPerDay,
    errors: errors && { ...errors, max: parsePercent(errors.max) ?? 1 },
    clientErrors: on(triggers.clientErrors),
    badPredictions: bad && {
      action: bad.action,
      dryRun: bad.dryRun,
      max: parsePercent(bad.max) ?? 1,
      kinds: kindsOf(bad.kinds, protocol)
    },
    latency: latency && { ...latency, sla: parseDuration(latency.sla) ?? 0 },
    absence: absence && {
      ...absence,
      after: absence.after === 'auto' ? 'auto' : (parseDuration(absence.after) ?? 0),
      startup: parseDuration(absence.startup) ?? 0
    },
    gross: triggers.gross
  }
}

/** A bare `null` in YAML is the kind null. */
function kindsOf(
  kinds: readonly (BadKind | null)[] | undefined,
  protocol: Protocol
): readonly BadKind[] {
  if (kinds) return [...new Set(kinds.map(kind => kind ?? 'null'))]
  return CHAT.includes(protocol) ? [...KINDS, 'empty'] : KINDS
}

function on<T extends object>(trigger: T | 'off' | false): T | null {
  return typeof trigger === 'object' ? trigger : null
}
