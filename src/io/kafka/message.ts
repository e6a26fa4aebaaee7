/**
 * An event as a Kafka message: CloudEvents 1.0 in binary mode (Kafka protocol binding 1.0.2, section 3.2).
 *
 * The attributes are headers `ce_…`, the value is the data alone, as JSON. The id is made once, with the event: a
 * message that has to be sent again has the same, and readers drop doubles by it.
 */
import { randomUUID } from 'node:crypto'
import type { EventSink, EventTopic } from '../../ports.ts'
import type { Waiting } from '../event-ring.ts'
import { topicOf } from '../event-topic.ts'
import type { Slabs, Slice } from '../slabs.ts'

/** Few and small fields: tens of thousands wait while a broker is away. */
export type Message = Waiting & {
  readonly topic: EventTopic
  readonly key: string | null // null: spread over the partitions
  readonly value: Slice
  readonly id: string
  readonly type: string
  readonly source: string
  readonly wallMs: number
}

/** What a message takes in memory beyond its key and value. */
const FRAME_BYTES = 512

/**
 * Takes the value into `slabs`. `at` is monotonic ms, `time` the wall clock, `most` the bytes of a message in memory.
 * Returns the reason when it is none.
 */
export function messageOf(
  event: Parameters<EventSink['publish']>[0],
  origin: { readonly source: string; readonly at: number; readonly time: Date },
  slabs: Slabs,
  most: number
): Message | 'not_json' | 'too_large' {
  const text = jsonOf(event.data)
  if (text === null) return 'not_json'
  const length = Buffer.byteLength(text)
  const size = length + Buffer.byteLength(event.key) + FRAME_BYTES
  if (size > most) return 'too_large'
  return {
    at: origin.at,
    size,
    topic: topicOf(event.type),
    key: event.key === '' ? null : event.key,
    value: slabs.write(text, length),
    id: randomUUID(),
    type: event.type,
    source: origin.source,
    wallMs: origin.time.getTime()
  }
}

/** The attributes of the event, as they go over the wire. */
export function headersOf(message: Message): Record<string, string> {
  return {
    ce_specversion: '1.0',
    ce_id: message.id,
    ce_type: message.type,
    ce_source: message.source,
    ce_time: new Date(message.wallMs).toISOString(),
    'content-type': 'application/json'
  }
}

function jsonOf(data: unknown): string | null {
  try {
    const text: string | undefined = JSON.stringify(data ?? null) // undefined for a function
    return text ?? null
  } catch {
    return null // a cycle, or a bigint
  }
}
