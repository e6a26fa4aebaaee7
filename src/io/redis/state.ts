/**
 * State that any number of routers share through Redis (state.md): the documents, the audit stream and who is
 * there. Each route meets the store once a second, jittered, which is the truth; a published change only makes
 * that sooner. Without Redis the routers go on with what they know, a rollback holds and is remembered on disk,
 * and every other change is refused.
 *
 * On disk, in the state directory of this process: a snapshot of each document, and the rollbacks and audit
 * entries that Redis may not have yet.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { RedisSettings } from '../../config/config.ts'
import { type RouteDocument, revisionOf } from '../../domain/document.ts'
import type { Means } from '../../domain/operations.ts'
import { fail, SluiceError } from '../../errors.ts'
import type { AuditEntry, Clock, Log, Replica, StateStore, StateWarning } from '../../ports.ts'
import { chainEntry } from '../audit-entry.ts'
import { codeOf, diskFault, quoted } from '../disk-fault.ts'
import { appendEntry, type DatedDraft, newestEntries } from './audit-log.ts'
import { faultOf, unreachable } from './fault.ts'
import { type Kept, openKept } from './kept.ts'
import { openLink, type RedisLink } from './link.ts'
import { othersIn } from './presence.ts'
import { createRemoteRoute, type RemoteRoute } from './remote-route.ts'
import { createRouteState, type RouteState } from './route-state.ts'
import { hintChannel, NO_ROUTE, routeKeys } from './scripts.ts'
import { createWriter, type Writer } from './writer.ts'

export type RedisStateOptions = {
  readonly settings: RedisSettings
  readonly link?: RedisLink // shared with the fleet's counters; else one of its own
  readonly replica?: string // its name to the others, new at each start
  readonly directory: string
  readonly clock: Clock
  readonly log: Log
}

const POLL_MS = 1_000
const OPEN_MS = 2_000 // how long a start waits for Redis
const RECENT = 1_000 // entries among which one is looked for that may have been written
const STALE_MS = 5_000 // after that nothing is known of the others
const SPREAD_MS = [10, 20, 40, 80, 100] as const // between looks; the last for all that follow

type Route = {
  readonly state: RouteState
  readonly remote: RemoteRoute
  others: readonly Replica[]
  facts: Pick<Replica, 'calls' | 'out'>
}

export function createRedisState(options: RedisStateOptions): StateStore {
  const { settings, directory, clock, log } = options
  const { prefix } = settings
  const replicaId = options.replica ?? replicaName()
  const routes = new Map<string, Route>()
  const auditListeners = new Set<Parameters<StateStore['onAudit']>[0]>()
  const documentListeners = new Set<(document: RouteDocument) => void>()
  const failures = new Map<string, number>()
  let link: RedisLink | null = null
  let noRoute: Writer | null = null // of the log of what is about no route
  let kept: Kept | null = null
  let lastAppend: Promise<unknown> = Promise.resolve()
  let timer: NodeJS.Timeout | null = null
  let closed = false

  function parts(): { readonly link: RedisLink; readonly kept: Kept } {
    if (link === null || kept === null) {
      throw fail('SLC_STATE_UNKNOWN', ['the state is not open'])
    }
    return { link, kept }
  }

  function routeOf(name: string): Route {
    const route = routes.get(name)
    if (route === undefined) throw fail('SLC_INTERNAL', [`state of route ${name}`])
    return route
  }

  function tell(task: () => void): void {
    try {
      task()
    } catch (error) {
      log.error({ err: error }, 'a listener of the state failed')
    }
  }

  function tellAudit(entry: AuditEntry, origin: 'own' | 'fleet'): void {
    for (const listener of auditListeners) tell(() => listener(entry, origin))
  }

  /** A route as it is known without the store: from the disk, else the champion alone. */
  async function begin(name: string, first: () => RouteDocument): Promise<readonly StateWarning[]> {
    const { link, kept } = parts()
    const { document, warnings } = await kept.load(name)
    const remote = createRemoteRoute(link, routeKeys(prefix, name), hintChannel(prefix))
    const state = createRouteState(
      {
        document: document ?? championAlone(first()),
        source: document === null ? 'config' : 'disk',
        tombstones: kept.rollbacks(name),
        first
      },
      {
        remote,
        means,
        clock,
        log,
        count: link.count,
        onDocument: each => {
          for (const listener of documentListeners) tell(() => listener(each))
          announce(name)
        },
        onAudit: tellAudit,
        keep: each => kept.save(each),
        remember: tombstone => kept.remember(name, tombstone),
        keepEntry: draft => keepEntry(draft),
        onState: seen => {
          const route = routes.get(name)
          if (route) route.others = othersIn(seen, replicaId)
        }
      }
    )
    routes.set(name, { state, remote, others: [], facts: { calls: {}, out: {} } })
    return warnings
  }

  function announce(name: string): void {
    const route = routes.get(name)
    if (!route || closed) return
    const revision = revisionOf(route.state.shown())
    route.remote
      .announce(replicaId, JSON.stringify({ revision, ...route.facts }))
      .catch(parts().link.count)
  }

  function meet(name: string): Promise<void> {
    return routeOf(name).state.sync()
  }

  /** All routes once; one that is still being asked is left out. */
  function poll(): void {
    const meetings = [...routes].map(async ([name, { state }]) => {
      announce(name)
      if (!state.busy()) await meet(name)
    })
    // Faults are counted, and told once by the connection; the next poll tries again.
    Promise.allSettled(meetings)
      .then(sendKept)
      .catch(() => undefined)
  }

  function schedule(): void {
    const jittered = POLL_MS * (0.9 + Math.random() * 0.2)
    timer = setTimeout(() => {
      poll()
      schedule()
    }, jittered)
    timer.unref()
  }

  function hinted(hint: string): void {
    const [name = '', revision = ''] = hint.split(' ')
    const route = routes.get(name)
    if (!route || revisionOf(route.state.shown()) === revision) return
    meet(name).catch(() => undefined)
  }

  /** Audit entries that Redis did not take. A rollback that is still to be made there brings its own. */
  async function sendKept(): Promise<void> {
    const ready = (name: string | null) => routes.get(name ?? '')?.state.settled() ?? true
    await parts().kept.unsent.send({ ready, recent, append })
  }

  async function keepEntry(draft: DatedDraft): Promise<void> {
    try {
      await parts().kept.unsent.add(draft)
    } catch (error) {
      const facts = { route: draft.route, reason: codeOf(error) }
      log.error(facts, `the audit entry of a rollback is in no log: ${diskFault(error, directory)}`)
    }
  }

  /** The newest entries of the log that a route's drafts go to. */
  async function recent(route: string | null): Promise<readonly AuditEntry[]> {
    const name = route !== null && routes.has(route) ? route : NO_ROUTE
    return newestEntries(remoteOf(name), undefined, RECENT)
  }

  /** An entry that changes no document. */
  async function append(dated: DatedDraft): Promise<AuditEntry> {
    const route = dated.route === null ? undefined : routes.get(dated.route)
    if (route) return route.state.audit(dated)
    const { count } = parts().link
    const clocked = { remote: remoteOf(NO_ROUTE), clock, count, onAudit: tellAudit }
    noRoute ??= createWriter(clocked)
    const writer = noRoute
    const done = lastAppend.then(() => appendEntry(writer, dated))
    lastAppend = done.catch(() => undefined)
    return done
  }

  async function open(
    names: readonly string[],
    first: (name: string) => RouteDocument
  ): Promise<readonly StateWarning[]> {
    const warnings: StateWarning[] = []
    kept = await openKept(directory, log)
    warnings.push(...kept.warnings)
    link = options.link ?? openLink(settings, log)
    for (const name of names) warnings.push(...(await begin(name, () => first(name))))
    await firstMeeting(names)
    for (const name of names) {
      if (routeOf(name).state.source() === 'store') continue
      const source = routeOf(name).state.source()
      const what = source === 'disk' ? 'its last snapshot' : 'the champion alone'
      const message = `Redis did not answer at the start; route ${name} works with ${what}`
      warnings.push({ route: name, reason: 'store-unreachable', message })
    }
    link.onReady(poll)
    link.onHint(hintChannel(prefix), hinted)
    schedule()
    return warnings
  }

  async function firstMeeting(names: readonly string[]): Promise<void> {
    const deadline = clock.now() + OPEN_MS
    while (!parts().link.ready() && clock.now() < deadline) await delay(20)
    if (!parts().link.ready()) return
    await Promise.all(names.map(name => meet(name).catch(() => undefined)))
    for (const name of names) announce(name)
  }

  return {
    async open(names, first) {
      try {
        return await open(names, first)
      } catch (error) {
        await kept?.close().catch(() => undefined)
        link?.close()
        if (error instanceof SluiceError) throw error
        throw fail('SLC_STATE_DIRECTORY', [quoted(directory), diskFault(error, directory)])
      }
    },
    read: name => routes.get(name)?.state.shown() ?? null,
    source: name => routes.get(name)?.state.source() ?? 'config',
    unsettled: () => [...routes].filter(([, { state }]) => !state.settled()).map(([name]) => name),
    errors: () => ({ ...link?.errors(), ...kept?.errors(), ...Object.fromEntries(failures) }),
    ageMs: name => routes.get(name)?.state.ageMs() ?? 0,
    replicas(name) {
      const route = routes.get(name)
      if (!route) return []
      const self = { id: replicaId, revision: revisionOf(route.state.shown()), ...route.facts }
      return route.state.ageMs() > STALE_MS ? [self] : [self, ...route.others]
    },
    announce(name, facts) {
      const route = routes.get(name)
      if (!route) return
      const urgent = JSON.stringify(route.facts.out) !== JSON.stringify(facts.out)
      route.facts = facts
      if (urgent) announce(name)
    },
    async spread(name, limitMs) {
      const { state } = routeOf(name)
      const deadline = clock.now() + limitMs
      for (let look = 0; clock.now() < deadline; look++) {
        const revision = revisionOf(state.shown())
        if (state.ageMs() > STALE_MS) return
        if (routeOf(name).others.every(other => other.revision === revision)) return
        const pause = SPREAD_MS[Math.min(look, SPREAD_MS.length - 1)] ?? 0
        await delay(Math.min(pause, Math.max(1, deadline - clock.now())))
        await meet(name).catch(() => undefined)
      }
    },
    async ensure(name, first) {
      if (!routes.has(name)) {
        for (const { reason, message } of await begin(name, first)) {
          log.warn({ route: name, reason }, message)
        }
        await meet(name).catch(() => undefined)
      }
      return routeOf(name).state.shown()
    },
    async write(name, operation, author) {
      parts()
      try {
        return await routeOf(name).state.write(operation, author)
      } catch (error) {
        failures.set('write', (failures.get('write') ?? 0) + 1)
        throw error
      }
    },
    async audit(draft) {
      const dated = { ...draft, at: clock.wall().toISOString() }
      try {
        return await append(dated)
      } catch (error) {
        link?.count(error)
        await parts().kept.unsent.add(dated)
        return chainEntry(dated, null, clock.wall().getTime() * 1000) // told when the log has it
      }
    },
    async decisions({ route, since, afterSequence, limit }) {
      if (limit === 0) return []
      const names = route === undefined ? [...routes.keys(), NO_ROUTE] : [route]
      const found = await Promise.all(
        names.map(name => {
          const remote = remoteOf(name)
          return afterSequence === undefined
            ? newestEntries(remote, since, limit)
            : remote.entriesAfter(afterSequence, limit)
        })
      ).catch((error: unknown) => {
        link?.count(error)
        throw unreachable(faultOf(error))
      })
      const inOrder = found.flat().sort((a, b) => a.sequence - b.sequence)
      const wanted = afterSequence === undefined ? inOrder.slice(-limit) : inOrder.slice(0, limit)
      return wanted.reverse()
    },
    onAudit(listener) {
      auditListeners.add(listener)
      return () => auditListeners.delete(listener)
    },
    onDocument(listener) {
      documentListeners.add(listener)
      return () => documentListeners.delete(listener)
    },
    async close() {
      if (closed || link === null || kept === null) return
      closed = true
      if (timer !== null) clearTimeout(timer)
      await Promise.all(
        [...routes.values()].map(({ remote }) => remote.leave(replicaId).catch(() => undefined))
      )
      if (options.link === undefined) link.close()
      await kept.close()
    }
  }

  function remoteOf(name: string): RemoteRoute {
    return createRemoteRoute(parts().link, routeKeys(prefix, name), hintChannel(prefix))
  }
}

/** Until the store has answered nobody is sent to a challenger. */
function championAlone(document: RouteDocument): RouteDocument {
  const challengers = Object.entries(document.challengers).map(
    ([name, challenger]) => [name, { ...challenger, ranges: [] }] as const
  )
  return { ...document, challengers: Object.fromEntries(challengers) }
}

/** Readable, and never that of a process before. */
export function replicaName(): string {
  return `${hostname().slice(0, 40)}-${randomBytes(4).toString('hex')}`
}

const means: Means = {
  sha256: text => createHash('sha256').update(text).digest('hex'),
  newId: () => randomUUID()
}
