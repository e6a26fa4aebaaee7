/**
 * A challenger that is out on this replica alone: its own alarm takes it out at once, and whether it is bad
 * everywhere is for the fleet to say (triggers.md, acting). It may be this replica's network.
 *
 * Nothing here writes a document. It ends when the fleet decides, after 60 s in which all addresses of the
 * challenger passed their health checks, by `resume`, or with the run that it is about; then the detectors start
 * again. It is not kept over a restart: who starts again looks again.
 */
import type { HealthConfig } from '../config/config.ts'
import type { AddressSnapshot } from '../domain/snapshot.ts'
import type { TriggerDecision } from '../domain/watch.ts'
import type { Actor, AuditDraft, Clock, Log, StateStore } from '../ports.ts'
import type { WriteDown } from './audit.ts'
import { fleetDecision } from './fleet-decision.ts'
import {
  type Held,
  hasTraffic,
  isRolledBack,
  type LiveRoute,
  runOf,
  variantsOf
} from './live-route.ts'
import { type Own, quorumOf } from './quorum.ts'
import type { Company } from './replicas.ts'
import type { Roster } from './roster.ts'

export type QuarantineOptions = {
  readonly roster: Roster
  readonly store: Pick<StateStore, 'audit'>
  readonly clock: Clock
  readonly log: Log
  readonly newId: (prefix: string) => string
  readonly writeDown: WriteDown
  readonly addresses: (route: string, variant: string) => readonly AddressSnapshot[]
}

export type Quarantines = {
  /** Takes the challenger out of this replica's traffic. */
  begin(route: LiveRoute, decision: TriggerDecision): void
  /** Ends what is over, and gives the rollbacks that the fleet has decided. */
  review(route: LiveRoute, own: Own, company: Company): readonly TriggerDecision[]
  /** A person ends it. Rejects, and it stays, when that cannot be written down. */
  resume(route: LiveRoute, variant: string, actor: Actor): Promise<void>
}

const HEALTHY_MS = 60_000

export function createQuarantines(options: QuarantineOptions): Quarantines {
  const { roster, clock, log, writeDown } = options
  const goodSince = new WeakMap<Held, number>()

  function end(route: LiveRoute, variant: string, cause: string): void {
    roster.release(route.config.name, variant)
    route.watch.reset(variant)
    roster.publish()
    log.info({ route: route.config.name, variant, cause }, 'a quarantine ended')
  }

  /** Why it is over; null while it stands. */
  function over(route: LiveRoute, variant: string, held: Held): string | null {
    if (!hasTraffic(route, variant)) return 'it gets no traffic any more'
    const checks = variantsOf(route).find(({ name }) => name === variant)?.settings?.health ?? null
    const addresses = options.addresses(route.config.name, variant)
    const good = addresses.length > 0 && addresses.every(({ healthy }) => healthy)
    if (checks === null || !good) {
      goodSince.delete(held)
      return null
    }
    const since = goodSince.get(held) ?? clock.now()
    goodSince.set(held, since)
    const wait = enough(checks)
    if (clock.now() - since < wait) return null
    return `all its addresses passed their health checks for ${Math.round(wait / 1000)} s`
  }

  function entry(route: LiveRoute, variant: string, held: Held, kind: string): AuditDraft {
    return {
      type: 'trigger',
      route: route.config.name,
      variant,
      by: `trigger:${held.trigger}`,
      reason: held.reason,
      requestId: options.newId('quarantine'),
      before: null,
      after: { action: kind, rolloutId: held.rolloutId },
      evidence: null,
      revision: null
    }
  }

  return {
    begin(route, { variant, trigger, sentence: reason, evidence }) {
      const { name } = route.config
      if (roster.get(name)?.quarantined.has(variant)) return
      const at = clock.wall().toISOString()
      const held: Held = {
        rolloutId: runOf(route.document, variant),
        trigger,
        reason,
        at,
        evidence
      }
      roster.quarantine(name, variant, held)
      roster.publish()
      const text = `${reason} It is out on this replica alone until the fleet decides.`
      log.warn({ route: name, variant, trigger, quarantine: true, evidence }, text)
      writeDown({ ...entry(route, variant, held, 'quarantine'), evidence })
    },

    review(route, own, company) {
      for (const [variant, held] of route.quarantined) {
        const cause = over(route, variant, held)
        if (cause === null) continue
        end(route, variant, cause)
        writeDown({ ...entry(route, variant, held, 'quarantine-ended'), reason: cause })
      }
      const now = roster.get(route.config.name) ?? route
      const out = Object.fromEntries([...now.quarantined])
      return decided(now, { ...own, out }, company)
    },

    async resume(route, variant, actor) {
      const held = route.quarantined.get(variant)
      if (held === undefined) return
      await options.store.audit({
        ...entry(route, variant, held, 'quarantine-ended'),
        type: 'resume',
        by: actor.id,
        reason: actor.reason,
        requestId: actor.requestId,
        before: { quarantined: { trigger: held.trigger, reason: held.reason, at: held.at } }
      })
      const now = roster.get(route.config.name)
      if (now?.quarantined.get(variant) === held) end(now, variant, `resumed by ${actor.id}`)
    }
  }
}

/** As long as the checks need to see that an address fails, and no less than a minute. */
function enough({ interval, unhealthy }: HealthConfig): number {
  return Math.max(HEALTHY_MS, (unhealthy + 1) * interval)
}

/** What the fleet has decided about challengers that are out on any replica. */
function decided(route: LiveRoute, own: Own, company: Company): readonly TriggerDecision[] {
  const { document } = route
  const named = new Set([own, ...company.others].flatMap(({ out }) => Object.keys(out)))
  return [...named].flatMap(variant => {
    const run = runOf(document, variant)
    if (variant === document.champion || isRolledBack(route, variant)) return []
    if (run === '' && !route.quarantined.has(variant)) return []
    const quorum = quorumOf(variant, run, own, company)
    if (quorum === null) return []
    return [fleetDecision(variant, quorum, route.quarantined.get(variant)?.evidence ?? null)]
  })
}
