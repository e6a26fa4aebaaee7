/**
 * Which topic an event goes to, and what became of the events of each topic: published, or lost by reason.
 *
 * A number only grows. Every reason of a driver is there from the start with 0, so that a rate can be taken of it.
 */
import { PAIR } from '../domain/pair.ts'
import type { EventCounts, EventTopic } from '../ports.ts'

export const TOPICS: readonly EventTopic[] = ['decisions', 'shadow']

export type EventTally<Reason extends string> = {
  published(topic: EventTopic, events: number): void
  lost(topic: EventTopic, reason: Reason, events?: number): void
  counts(): readonly EventCounts[]
}

export function topicOf(type: string): EventTopic {
  return type === PAIR ? 'shadow' : 'decisions'
}

export function createEventTally<Reason extends string>(
  reasons: readonly Reason[]
): EventTally<Reason> {
  const published = { decisions: 0, shadow: 0 }
  const dropped = { decisions: zeros(reasons), shadow: zeros(reasons) }
  return {
    published(topic, events) {
      published[topic] += events
    },
    lost(topic, reason, events = 1) {
      dropped[topic].set(reason, (dropped[topic].get(reason) ?? 0) + events)
    },
    counts: () =>
      TOPICS.map(topic => ({
        topic,
        published: published[topic],
        dropped: Object.fromEntries(dropped[topic])
      }))
  }
}

function zeros(reasons: readonly string[]): Map<string, number> {
  return new Map(reasons.map(reason => [reason, 0]))
}
