/**
 * What arrived at a broker, read by a client of another origin than the one under test; and topics as an operator
 * makes them. Goes over the listener that is in clear.
 */
import { randomBytes } from 'node:crypto'
import { Admin, Consumer, type Message, stringDeserializers } from '@platformatic/kafka'
import { until } from './until.ts'

export type ReadMessage = {
  readonly key: string | null
  readonly value: string
  readonly headers: Readonly<Record<string, string>>
  readonly partition: number
  readonly offset: bigint
}

const CLIENT = 'sluice-tests'
const READ_WITHIN = 120_000
const ONE_READER = 30_000

/**
 * Everything in a topic from its beginning, until `enough` says so of what was read. A topic that is not there yet
 * is waited for, and a reader that joined before it had a leader is replaced. Throws when it is never enough.
 */
export async function readTopic(
  broker: string,
  topic: string,
  enough: (messages: readonly ReadMessage[]) => boolean
): Promise<readonly ReadMessage[]> {
  const end = performance.now() + READ_WITHIN
  const within = () => end - performance.now()
  await until('the topic', async () => (await topicsOf(broker)).includes(topic), {
    within: within(),
    every: 200
  })
  for (;;) {
    const { messages, whole } = await readFor(Math.min(ONE_READER, within()), broker, topic, enough)
    if (whole) return messages
    if (within() <= 0)
      throw new Error(`${messages.length} messages of ${topic}, and not those that are waited for`)
  }
}

/** What one reader gets in so many ms, from the beginning. */
async function readFor(
  ms: number,
  broker: string,
  topic: string,
  enough: (messages: readonly ReadMessage[]) => boolean
): Promise<{ readonly messages: readonly ReadMessage[]; readonly whole: boolean }> {
  const consumer = new Consumer({
    groupId: `${CLIENT}-${randomBytes(6).toString('hex')}`,
    clientId: CLIENT,
    bootstrapBrokers: [broker],
    deserializers: stringDeserializers
  })
  const messages: ReadMessage[] = []
  let late = false
  try {
    const stream = await consumer.consume({
      topics: [topic],
      mode: 'earliest',
      autocommit: false,
      maxWaitTime: 100
    })
    const timer = setTimeout(() => {
      late = true
      stream.destroy()
    }, ms)
    try {
      for await (const message of stream) {
        messages.push(readOf(message))
        if (enough(messages)) return { messages, whole: true }
      }
    } finally {
      clearTimeout(timer)
    }
  } catch (error) {
    if (!late) throw error
  } finally {
    await consumer.close(true)
  }
  return { messages, whole: false }
}

/** Messages without repeats, in the order in which they first came. */
export function withoutRepeats(messages: readonly ReadMessage[]): readonly ReadMessage[] {
  const seen = new Set<string | undefined>()
  return messages.filter(({ headers }) => {
    const { ce_id: id } = headers
    if (seen.has(id)) return false
    seen.add(id)
    return true
  })
}

export async function createTopic(
  broker: string,
  topic: string,
  options: {
    readonly partitions?: number
    readonly configs?: Readonly<Record<string, string>>
  } = {}
): Promise<void> {
  const configs = Object.entries(options.configs ?? {}).map(([name, value]) => ({ name, value }))
  await asAdmin(broker, admin =>
    admin.createTopics({
      topics: [topic],
      partitions: options.partitions ?? 1,
      replicas: 1,
      configs
    })
  )
}

export async function topicsOf(broker: string): Promise<readonly string[]> {
  return asAdmin(broker, admin => admin.listTopics())
}

async function asAdmin<T>(broker: string, ask: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Admin({ clientId: CLIENT, bootstrapBrokers: [broker] })
  try {
    return await ask(admin)
  } finally {
    await admin.close()
  }
}

function readOf(message: Message<string, string, string, string>): ReadMessage {
  return {
    key: message.key ?? null,
    value: message.value ?? '',
    headers: Object.fromEntries(message.headers ?? []),
    partition: message.partition,
    offset: message.offset
  }
}
