/**
 * Server-sent events of the audit log (WHATWG HTML section 9.2): id = sequence, event = type, data = the entry.
 *
 * A client that names the last id it saw gets everything since, then what happens, without a gap and without a
 * repeat. Refused access is not told. Clients are capped, a slow one is dropped (it can come back with its id),
 * and nothing here ever waits for one of them.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { fail } from '../errors.ts'
import type { AuditEntry, Control, Log } from '../ports.ts'

export const MAX_CLIENTS = 64
const HEARTBEAT_MS = 15_000
const MAX_UNSENT = 1_048_576 // bytes waiting for one client
const PAGE = 256

export type EventStreams = {
  /** Throws SLC_ADMIN_EVENTS_FULL when no client more is taken. */
  admit(): void
  /** Takes the answer over. `after` is the last sequence that the client saw, null to begin now. */
  open(request: IncomingMessage, response: ServerResponse, after: number | null): void
  readonly clients: () => number
  /** Ends all streams and takes no more. */
  close(): void
}

type Client = {
  readonly response: ServerResponse
  last: number // sequence of the last entry sent
  replaying: boolean
  missed: boolean // something happened while it was replaying
  stalled: boolean // nothing went out since the last heartbeat
}

export function createEventStreams(
  control: Pick<Control, 'auditAfter' | 'onAudit'>,
  log: Log
): EventStreams {
  const clients = new Set<Client>()
  let closed = false
  const unsubscribe = control.onAudit(entry => {
    for (const client of clients) tell(client, entry)
  })
  const heartbeat = setInterval(() => {
    for (const client of clients) beat(client)
  }, HEARTBEAT_MS)
  heartbeat.unref()

  async function replay(client: Client): Promise<void> {
    for (;;) {
      client.missed = false
      const page = await control.auditAfter(client.last, PAGE)
      for (const entry of oldestFirst(page)) send(client, entry)
      await drained(client.response)
      if (client.response.destroyed) return
      if (page.length === 0 && !client.missed) break
    }
    client.replaying = false
  }

  return {
    clients: () => clients.size,
    admit() {
      if (closed || clients.size >= MAX_CLIENTS) throw fail('SLC_ADMIN_EVENTS_FULL', [MAX_CLIENTS])
    },
    open(request, response, after) {
      const client: Client = {
        response,
        last: after ?? 0,
        replaying: after !== null,
        missed: false,
        stalled: false
      }
      clients.add(client)
      request.socket.setNoDelay(true)
      response.once('close', () => clients.delete(client))
      response.writeHead(200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' })
      response.write(': connected\nretry: 2000\n\n')
      if (closed) response.end()
      if (!client.replaying) return
      replay(client).catch(error => {
        log.warn({ err: error }, 'an event stream could not be replayed')
        response.destroy()
      })
    },
    close() {
      closed = true
      unsubscribe()
      clearInterval(heartbeat)
      for (const { response } of clients) response.end()
    }
  }
}

function tell(client: Client, entry: AuditEntry): void {
  if (client.replaying) {
    client.missed = true
    return
  }
  send(client, entry)
  if (client.response.writableLength > MAX_UNSENT) client.response.destroy()
}

function send(client: Client, entry: AuditEntry): void {
  if (entry.sequence <= client.last || client.response.writableEnded) return
  client.last = entry.sequence
  if (entry.type === 'access') return
  client.response.write(
    `id: ${entry.sequence}\nevent: ${entry.type}\ndata: ${JSON.stringify(entry)}\n\n`
  )
}

function oldestFirst(page: readonly AuditEntry[]): readonly AuditEntry[] {
  return [...page].sort((a, b) => a.sequence - b.sequence)
}

function beat(client: Client): void {
  const { response } = client
  if (client.stalled && response.writableNeedDrain) {
    response.destroy()
    return
  }
  client.stalled = response.writableNeedDrain
  if (!client.stalled && !response.writableEnded) response.write(': alive\n\n')
}

/** Resolves when the client has taken what was written, or is gone. */
function drained(response: ServerResponse): Promise<void> {
  if (!response.writableNeedDrain || response.destroyed) return Promise.resolve()
  return new Promise(resolve => {
    const done = () => {
      response.off('drain', done).off('close', done)
      resolve()
    }
    response.on('drain', done).on('close', done)
  })
}
