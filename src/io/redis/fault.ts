/**
 * Why a call to Redis failed, as a word for metrics and logs, and whether it may have been carried out all the
 * same. Only what compares before it writes may be sent at all, since a call that timed out can still run.
 */
import { fail, type SluiceError } from '../../errors.ts'

export type RedisFault = {
  readonly reason: string // snake_case, from a closed list
  readonly message: string
  readonly ambiguous: boolean // it may have run, or run later
}

const REPLIES: readonly (readonly [RegExp, string])[] = [
  [/^READONLY/, 'read_only'],
  [/^LOADING/, 'loading'],
  [/^(OOM|-OOM)/, 'out_of_memory'],
  [/^(NOAUTH|WRONGPASS|ERR invalid password|ERR AUTH)/, 'auth'],
  [/^(NOPERM|ERR The user executing the script)/, 'forbidden'],
  [/^WRONGTYPE/, 'wrong_type'],
  [/^(MOVED|ASK|CLUSTERDOWN|CROSSSLOT|TRYAGAIN)/, 'cluster'],
  [/^(MISCONF|MASTERDOWN|NOREPLICAS|BUSY)/, 'unavailable']
]

/** Words of ioredis for calls that never left this process. */
const NOT_SENT = [/enableOfflineQueue/, /Cluster isn't ready/, /is already closed/]

export function faultOf(error: unknown): RedisFault {
  const message = error instanceof Error ? error.message : String(error)
  const name = error instanceof Error ? error.name : ''
  if (name === 'ReplyError' || /^[A-Z]{4,} /.test(message)) {
    const known = REPLIES.find(([pattern]) => pattern.test(scriptFree(message)))
    return { reason: known?.[1] ?? 'refused', message, ambiguous: false }
  }
  if (NOT_SENT.some(pattern => pattern.test(message))) {
    return { reason: 'unreachable', message, ambiguous: false }
  }
  if (/timed out|timeout/i.test(message)) return { reason: 'timeout', message, ambiguous: true }
  if (name === 'ParserError' || /Protocol error/.test(message)) {
    return { reason: 'protocol', message, ambiguous: true }
  }
  return { reason: 'unreachable', message, ambiguous: true }
}

/** The answer of the API where the store was not reached, and nothing was to be changed. */
export function unreachable({ reason, message }: RedisFault): SluiceError {
  return fail('SLC_STORE_UNREACHABLE', [`${reason}: ${message}`], { reason })
}

/** The answer to a change: the store was not reached, or it cannot be said whether it was made. */
export function unknownState(fault: RedisFault): SluiceError {
  const { reason, message, ambiguous } = fault
  if (!ambiguous) return unreachable(fault)
  return fail('SLC_STORE_UNKNOWN', [`${reason}: ${message}`], { reason })
}

/** Faults inside a script are reported with its name before them. */
function scriptFree(message: string): string {
  return message.replace(/^ERR Error running script[^:]*:\S* @user_script:\d+: /, '')
}
