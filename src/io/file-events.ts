/**
 * Published events as a file: `events.ndjson`, one CloudEvents 1.0 envelope (JSON format) a line.
 *
 * `publish` only serialises and puts the line into a bounded buffer; writing happens behind it. A disk that
 * takes nothing is tried again each second, and meanwhile the oldest buffered events are dropped and counted.
 * At a size the file becomes `events.ndjson.1`, the older ones move up by one, and the last is deleted; a file that
 * somebody else moved or removed is made anew, and one that was emptied goes on. Events are not state: they are not
 * fsynced, and a line that a crash left torn is cut off at the next start.
 */
import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, lstat, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fail } from '../errors.ts'
import type { Clock, EventSink, EventTopic, Log } from '../ports.ts'
import { codeOf, diskFault, quoted } from './disk-fault.ts'
import { createEventRing, type Waiting } from './event-ring.ts'
import { createEventTally, topicOf } from './event-topic.ts'
import { linesBackward } from './line-file.ts'
import { makeDirectory } from './make-directory.ts'
import { Slabs, type Slice } from './slabs.ts'

export type FileEventsOptions = {
  readonly directory: string
  readonly clock: Clock
  readonly log: Log
  readonly source?: string // of the envelope, default "sluice"
  readonly rotateAt?: number // bytes, default 64 MiB
  readonly files?: number // that are kept, the present one included; default 8
  readonly buffer?: number // bytes, default 16 MiB
}

/** Why an event was lost. */
const DROP_REASONS = ['buffer_full', 'too_large', 'not_json', 'not_flushed'] as const

type Line = Waiting & { readonly topic: EventTopic; readonly text: Slice }

const NAME = 'events.ndjson'
const QUEUE = 0 // one file, one queue
const MOST_EVENT = 8 * 1024 * 1024 // bytes of one line: a pair with both bodies
const MOST_BATCH = 1024 * 1024 // bytes of one write, but for a single larger line
const RETRY_MS = 1_000

/** Opens the file. Throws SLC_EVENTS_DIRECTORY when the directory cannot be written to. */
export async function createFileEvents(options: FileEventsOptions): Promise<EventSink> {
  const { directory, clock, log } = options
  const path = join(directory, NAME)
  const rotateAt = options.rotateAt ?? 64 * 1024 * 1024
  const files = options.files ?? 8
  const most = options.buffer ?? 16 * 1024 * 1024
  const tally = createEventTally(DROP_REASONS)
  const slabs = new Slabs()
  const ring = createEventRing<Line>({ queues: 1, most }, line => {
    tally.lost(line.topic, 'buffer_full')
    line.text.free()
  })
  const stopping = new AbortController()
  let writing: Promise<void> | null = null
  let failing: string | null = null // the last fault, until a write succeeds
  let closed = false
  let file: OpenFile
  try {
    await makeDirectory(directory)
    file = await openWhole(path)
  } catch (error) {
    throw fail('SLC_EVENTS_DIRECTORY', [quoted(directory), diskFault(error, path)])
  }

  function publish(event: Parameters<EventSink['publish']>[0]): void {
    const topic = topicOf(event.type)
    const line = closed ? null : lineOf(event, options.source ?? 'sluice', clock.wall())
    const size = Buffer.byteLength(line ?? '')
    if (closed) tally.lost(topic, 'not_flushed')
    else if (line === null) tally.lost(topic, 'not_json')
    else if (size > Math.min(MOST_EVENT, most)) tally.lost(topic, 'too_large')
    else {
      ring.push(QUEUE, { topic, text: slabs.write(line, size), size, at: clock.now() })
      writing ??= writeAll().finally(() => {
        writing = null
      })
    }
  }

  /** Writes until nothing is buffered. Never throws. */
  async function writeAll(): Promise<void> {
    while (ring.events(QUEUE) > 0) {
      const batch = ring.take(QUEUE, MOST_BATCH)
      try {
        await write(Buffer.concat(batch.map(line => line.text.bytes())))
        for (const { topic, text } of batch) {
          tally.published(topic, 1)
          text.free()
        }
        if (failing !== null) log.info({ events: tally.counts() }, 'events are written again')
        failing = null
      } catch (error) {
        ring.putBack(QUEUE, batch)
        if (failing === null) log.error({ err: error }, 'events cannot be written; trying again')
        failing = diskFault(error, path)
        if (closed) return
        await delay(RETRY_MS, undefined, { signal: stopping.signal, ref: false }).catch(() => null)
      }
    }
  }

  async function write(bytes: Buffer): Promise<void> {
    let size = await sizeOf(path, file)
    if (size === null) size = await reopen()
    if (size > 0 && size + bytes.length > rotateAt) size = await rotate()
    try {
      await file.handle.appendFile(bytes)
    } catch (error) {
      await file.handle.truncate(size).catch(() => undefined)
      throw error
    }
  }

  async function rotate(): Promise<number> {
    for (let i = files - 2; i >= 1; i--) await ifThere(rename(`${path}.${i}`, `${path}.${i + 1}`))
    if (files > 1) await ifThere(rename(path, `${path}.1`))
    else await file.handle.truncate(0)
    return await reopen()
  }

  /** Its size. */
  async function reopen(): Promise<number> {
    const next = await openWhole(path)
    await file.handle.close().catch(() => undefined)
    file = next
    return next.size
  }

  return {
    publish,
    counts: tally.counts,
    faults: () =>
      failing === null
        ? []
        : [
            `events cannot be written, they wait in memory, and the oldest are dropped when it is full: ${failing}`
          ],
    async close(timeoutMs) {
      if (closed) return
      closed = true
      stopping.abort()
      const written = (writing ?? Promise.resolve()).then(() => undefined)
      const limit = new AbortController()
      const late = delay(timeoutMs, undefined, { signal: limit.signal }).catch(() => undefined)
      await Promise.race([written, late])
      limit.abort()
      for (const line of ring.expire(QUEUE, Number.POSITIVE_INFINITY)) {
        tally.lost(line.topic, 'not_flushed')
      }
      await file.handle.close().catch(() => undefined)
    }
  }
}

/** null when the data cannot be written as JSON. */
function lineOf(
  event: Parameters<EventSink['publish']>[0],
  source: string,
  time: Date
): string | null {
  const envelope = {
    specversion: '1.0',
    id: randomUUID(),
    source,
    type: event.type,
    time: time.toISOString(),
    datacontenttype: 'application/json',
    ...(event.key === '' ? {} : { partitionkey: event.key }),
    data: event.data ?? null
  }
  try {
    return `${JSON.stringify(envelope)}\n`
  } catch {
    return null
  }
}

type OpenFile = {
  readonly handle: FileHandle
  readonly device: number
  readonly inode: number
  readonly size: number // when it was opened
}

/** Its size now, or null: another file, or none, has its name. */
async function sizeOf(path: string, { device, inode }: OpenFile): Promise<number | null> {
  try {
    const { dev, ino, size } = await lstat(path)
    return dev === device && ino === inode ? size : null
  } catch {
    return null // opening it says why
  }
}

/** Opens for appending, behind the last complete line. */
async function openWhole(path: string): Promise<OpenFile> {
  const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW
  const handle = await open(path, flags, 0o600)
  try {
    const found = await handle.stat()
    if (!found.isFile()) throw Object.assign(new Error('no regular file'), { code: 'EEXIST' })
    let whole = 0
    for await (const line of linesBackward(handle, found.size)) {
      whole = line.end
      break
    }
    if (whole < found.size) await handle.truncate(whole)
    return { handle, device: found.dev, inode: found.ino, size: whole }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function ifThere(step: Promise<void>): Promise<void> {
  try {
    await step
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
  }
}
