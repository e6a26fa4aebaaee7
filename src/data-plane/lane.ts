/**
 * What all requests of one data thread share. One per thread; the steps of the lane get it with the request.
 */

import type { ByteBudget } from '../domain/byte-budget.ts'
import type { FromThread, ThreadSettings } from '../domain/snapshot.ts'
import type { ThreadRegion } from '../domain/thread-region.ts'
import type { AccessLog } from './access-log.ts'
import type { Exchange } from './exchange.ts'
import type { LiveTable } from './live-routes.ts'
import type { ObservedAnswer } from './observed-answer.ts'
import type { ProcessClock } from './process-time.ts'
import type { Taps } from './tap.ts'

export type LogLevel = Extract<FromThread, { type: 'log' }>['level']

export type Lane = {
  readonly settings: ThreadSettings
  readonly region: ThreadRegion
  readonly now: ProcessClock
  /** Requests whose client still gets something, and those with an upstream. */
  readonly exchanges: Set<Exchange>
  readonly accessLog: AccessLog
  readonly bodies: ByteBudget
  /** Answers that are whole and not read to their end: their outcomes are still to be counted. */
  readonly reading: Set<ObservedAnswer>
  readonly taps: Taps
  readonly log: (level: LogLevel, msg: string, fields: Readonly<Record<string, unknown>>) => void
  /** Replaced as a whole when a snapshot comes; null until the first. */
  table: LiveTable | null
  draining: boolean
}
