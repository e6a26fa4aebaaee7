/**
 * What a store needs of its process, for tests: the clock of the system and a log that keeps what it is told.
 */
import type { Clock, Log } from '../../src/ports.ts'

export const systemClock: Clock = { now: () => performance.now(), wall: () => new Date() }

export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined
}
