/**
 * How far a topic of Kafka has grown, asked by a client of its own.
 */
import { Kafka, logLevel } from 'kafkajs'
import { calmRequestTimer } from '../src/io/kafka/request-timer.ts'

export type Topic = {
  readonly name: string
  /** The next offset of each partition; nothing where there is no such topic yet. Throws without a broker. */
  readonly ends: () => Promise<ReadonlyMap<number, number>>
}

const ANSWERS_WITHIN = 15_000 // ms; a machine may do much else

export function topicAt(brokers: readonly string[], name: string): Topic {
  calmRequestTimer()
  const kafka = new Kafka({
    brokers: [...brokers],
    clientId: 'sluice-demo',
    logLevel: logLevel.NOTHING,
    connectionTimeout: ANSWERS_WITHIN,
    requestTimeout: ANSWERS_WITHIN,
    retry: { retries: 1 }
  })
  return {
    name,
    async ends() {
      const admin = kafka.admin()
      try {
        await admin.connect()
        if (!(await admin.listTopics()).includes(name)) return new Map()
        const offsets = await admin.fetchTopicOffsets(name)
        return new Map(offsets.map(({ partition, high }) => [partition, Number(high)]))
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        throw new Error(`Kafka at ${brokers.join(', ')} does not answer: ${why}`)
      } finally {
        await admin.disconnect().catch(() => undefined)
      }
    }
  }
}
