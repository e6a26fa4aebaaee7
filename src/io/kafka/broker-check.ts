/**
 * Whether the brokers of a configuration can be used: each lets us in, and the topics are there or may be made.
 * Asked by `sluice check --online`; a running router tells the same of itself (faults in /readyz).
 *
 * It writes nothing: no topic is created, no event is sent.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Admin } from 'kafkajs'
import type { KafkaSettings } from '../../config/config.ts'
import { createClient, LateError, within } from './client.ts'
import { refusalOf } from './refusal.ts'
import { createPace } from './sockets.ts'

export type BrokerProblem = {
  readonly broker: string // host:port as configured
  readonly message: string
}

const LIMIT_MS = 10_000 // for a broker, all of its answers

/** One sentence for each thing that is wrong; empty when all is well. Never throws. */
export async function checkBrokers(
  settings: KafkaSettings,
  limitMs = LIMIT_MS
): Promise<readonly BrokerProblem[]> {
  const found = await Promise.all(
    settings.brokers.map(async broker => ({
      broker,
      messages: await problemsOf({ ...settings, brokers: [broker] }, limitMs)
    }))
  )
  // What all say, they say of the cluster.
  const [first, ...others] = found
  const alike = others.every(({ messages }) => isDeepStrictEqual(messages, first?.messages))
  const told = first !== undefined && alike ? [first] : found
  return told.flatMap(({ broker, messages }) => {
    const of = told.length < found.length ? settings.brokers.join(', ') : broker
    return messages.map(message => ({ broker: of, message }))
  })
}

/** Of the one broker of `settings`. */
async function problemsOf(settings: KafkaSettings, limitMs: number): Promise<readonly string[]> {
  const pace = createPace({ now: () => performance.now(), wall: () => new Date() }, 0)
  const { kafka, cut } = createClient({
    settings,
    first: 0,
    pace,
    connectMs: limitMs,
    requestMs: limitMs,
    log: null
  })
  const admin = kafka.admin()
  try {
    return await within(() => ask(admin, settings), limitMs)
  } catch (error) {
    return [sentenceOf(error, settings, limitMs)]
  } finally {
    cut()
    admin.disconnect().catch(() => undefined)
  }
}

async function ask(admin: Admin, settings: KafkaSettings): Promise<readonly string[]> {
  await admin.connect()
  const problems: string[] = []
  for (const topic of new Set(Object.values(settings.topics))) {
    const fault = await topicFault(admin, topic, settings)
    if (fault !== null) problems.push(fault)
  }
  return problems
}

async function topicFault(
  admin: Admin,
  topic: string,
  { createTopics }: KafkaSettings
): Promise<string | null> {
  try {
    await admin.fetchTopicMetadata({ topics: [topic] })
    return null
  } catch (error) {
    const { kind, word } = refusalOf(error)
    if (kind === 'missing_topic') {
      const missing = `it has no topic ${topic}, and createTopics is off; create it, or turn that on`
      return createTopics ? null : missing
    }
    if (kind === 'unauthorized') return `it does not let us use topic ${topic} (${word})`
    throw error
  }
}

function sentenceOf(error: unknown, { sasl, tls }: KafkaSettings, limitMs: number): string {
  if (error instanceof LateError) return `it does not answer within ${limitMs} ms${hintOf(tls)}`
  const { kind, word } = refusalOf(error)
  if (kind !== 'unauthorized') return `it cannot be used (${word})${hintOf(tls)}`
  const todo = sasl === null ? 'it may want sasl' : 'check the user and the password of sasl'
  return `it does not let us in (${word}); ${todo}`
}

function hintOf(tls: KafkaSettings['tls']): string {
  return tls === null
    ? '; check the address, and whether it wants TLS or sasl'
    : '; check the address, and tls'
}
