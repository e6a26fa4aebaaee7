/**
 * One route as Redis has it: reads and writes by the scripts, and checks every reply before anything believes
 * it. What is read here is bytes and numbers; what they mean is decided in route-state.ts.
 */
import { createHash } from 'node:crypto'
import type { AuditEntry } from '../../ports.ts'
import { entryOf } from '../audit-entry.ts'
import type { RedisLink } from './link.ts'
import { ANNOUNCE, READ, type RouteKeys, WRITE } from './scripts.ts'

/**
 * The newest entry of the audit stream; its sequence is the first half of its id. Who writes by hand into the
 * stream gets an id whose second half is not 0, so the id is kept as it is.
 */
export type Head = {
  readonly id: string
  readonly sequence: number
  readonly sha256: string
} | null

export type RemoteState = {
  readonly nowMicros: number // the store's time
  readonly digest: string // SHA-1 of the document, '' without one, `size:<n>` of one that is too long
  readonly text: string | null // null when it has the digest that the caller knows, is missing or too long
  readonly head: Head
  readonly replicas: readonly {
    readonly id: string
    readonly atMicros: number
    readonly text: string
  }[]
}

/** What a write was based on. */
export type Base = { readonly digest: string; readonly head: Head }

export type RemoteRoute = {
  read(known: string): Promise<RemoteState>
  /** False when the base is not what the store has; nothing was written then. `document` null leaves it. */
  write(
    base: Base,
    document: string | null,
    entry: AuditEntry | null,
    hint: string
  ): Promise<boolean>
  announce(replica: string, text: string): Promise<void>
  leave(replica: string): Promise<void>
  /** Entries after a sequence, oldest first. */
  entriesAfter(sequence: number, limit: number): Promise<readonly AuditEntry[]>
  /** Entries up to a sequence, newest first. */
  entriesBefore(sequence: number, limit: number): Promise<readonly AuditEntry[]>
}

const KEEP_ENTRIES = 10_000
const SEEN_SECONDS = 60
export const NEWEST = Number.MAX_SAFE_INTEGER

export function digestOf(text: string): string {
  return createHash('sha1').update(text).digest('hex')
}

export function createRemoteRoute(link: RedisLink, keys: RouteKeys, channel: string): RemoteRoute {
  return {
    async read(known) {
      const reply = await link.run(READ, [keys.doc, keys.log, keys.seen], [known])
      return stateOf(reply, known)
    },
    async write(base, document, entry, hint) {
      const reply = await link.run(
        WRITE,
        [keys.doc, keys.log],
        [
          base.digest,
          base.head === null ? '' : base.head.id,
          document ?? '',
          entry === null ? '' : idOf(entry.sequence),
          entry?.sha256 ?? '',
          entry === null ? '' : JSON.stringify(entry),
          String(KEEP_ENTRIES),
          hint === '' ? '' : channel,
          hint
        ]
      )
      if (reply !== 'ok' && reply !== 'stale') throw nonsense('write')
      return reply === 'ok'
    },
    async announce(replica, text) {
      await link.run(ANNOUNCE, [keys.seen], [replica, text, String(SEEN_SECONDS)])
    },
    async leave(replica) {
      await link.command('hdel', keys.seen, replica)
    },
    async entriesAfter(sequence, limit) {
      const from = `(${idOf(sequence)}`
      return entriesOf(await link.command('xrange', keys.log, from, '+', 'COUNT', String(limit)))
    },
    async entriesBefore(sequence, limit) {
      const from = sequence === NEWEST ? '+' : `(${idOf(sequence)}`
      return entriesOf(await link.command('xrevrange', keys.log, from, '-', 'COUNT', String(limit)))
    }
  }
}

function stateOf(reply: unknown, known: string): RemoteState {
  if (!Array.isArray(reply) || reply.length !== 7) throw nonsense('read')
  const [seconds, micros, digest, text, id, sha256, seen] = reply as unknown[]
  const nowMicros = Number(seconds) * 1e6 + Number(micros)
  const strings = [digest, text, id, sha256]
  if (!Number.isSafeInteger(nowMicros) || !strings.every(isText)) throw nonsense('read')
  const absent = digest === '' || digest === known || String(digest).startsWith('size:')
  return {
    nowMicros,
    digest: String(digest),
    text: absent ? null : String(text),
    head:
      id === ''
        ? null
        : { id: String(id), sequence: sequenceOf(String(id)), sha256: String(sha256) },
    replicas: replicasOf(seen)
  }
}

/** A flat list of fields and values; what is no announcement is left out. */
function replicasOf(seen: unknown): RemoteState['replicas'] {
  if (!Array.isArray(seen)) throw nonsense('read')
  const found: { id: string; atMicros: number; text: string }[] = []
  for (let i = 0; i + 1 < seen.length; i += 2) {
    const [, at, text] = /^(\d{1,16}) (.*)$/s.exec(String(seen[i + 1])) ?? []
    if (at !== undefined && text !== undefined) {
      found.push({ id: String(seen[i]), atMicros: Number(at), text })
    }
  }
  return found
}

function entriesOf(reply: unknown): readonly AuditEntry[] {
  if (!Array.isArray(reply)) throw nonsense('audit')
  return reply.flatMap((item: unknown) => {
    const fields = Array.isArray(item) ? (item[1] as unknown) : null
    const text = Array.isArray(fields) ? fields[fields.indexOf('entry') + 1] : null
    const entry = isText(text) ? entryOf(text) : null
    return entry === null ? [] : [entry]
  })
}

export function idOf(sequence: number): string {
  return `${sequence}-0`
}

function sequenceOf(id: string): number {
  const sequence = Number(id.split('-')[0])
  if (!Number.isSafeInteger(sequence)) throw nonsense('read')
  return sequence
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function nonsense(what: string): Error {
  return new Error(`Protocol error: the reply to ${what} is not what the script gives`)
}
