/**
 * Why a call to Redis failed, as a word for metrics and logs, in a sentence for people, and whether it may have
 * been carried out all the same. Only what compares before it writes may be sent at all, since a call that timed
 * out can still run.
 *
 * Words of the client library are for the debug log alone: they speak of its options and say nothing to an operator.
 */
import { fail, type SluiceError } from '../../errors.ts'

export type RedisFault = {
  readonly reason: FaultReason
  readonly message: string // what happened, and what to do
  readonly detail: string // the words of the server, the system or the client library, for the debug log
  readonly ambiguous: boolean // it may have run, or run later
}

/** What happened, and what to do. */
const SENTENCES = {
  unreachable: [
    'there is no connection to it',
    'check that it runs, that state.redis.url names it, and the network'
  ],
  timeout: ['it did not answer in time', 'check its load and the network'],
  protocol: [
    'what answers is no Redis, or gives what no router wrote',
    'check state.redis.url and state.redis.prefix'
  ],
  auth: [
    'it refuses our user or password',
    'correct state.redis.username and state.redis.password'
  ],
  forbidden: [
    'its ACL forbids the user what a router needs',
    'give the rights that docs/operations.md lists'
  ],
  read_only: [
    'it is a replica and takes no writes',
    'wait for the end of the failover, or name the master'
  ],
  loading: ['it is still loading its data', 'wait until it has'],
  out_of_memory: ['it has reached its maxmemory', 'raise that, or remove what others keep in it'],
  wrong_type: [
    'somebody else has written our keys',
    'give the routers a state.redis.prefix of their own'
  ],
  cluster: ['its cluster is not in order, or is moving our keys', 'look at CLUSTER INFO'],
  unavailable: [
    'it takes no commands now (its disk, its master or its replicas are missing, or a script runs)',
    'look at its log'
  ],
  refused: [
    'it refuses a command that a router needs',
    'check that it is Redis 6.2 or later, and its log'
  ]
} as const satisfies Record<string, readonly [string, string]>

export type FaultReason = keyof typeof SENTENCES

const REPLIES: readonly (readonly [RegExp, FaultReason])[] = [
  [/^READONLY/, 'read_only'],
  [/^LOADING/, 'loading'],
  [/^(OOM|-OOM)/, 'out_of_memory'],
  [/^(NOAUTH|WRONGPASS|ERR invalid password|ERR AUTH)/, 'auth'],
  [/^(NOPERM|ERR The user executing the script)/, 'forbidden'],
  [/^WRONGTYPE/, 'wrong_type'],
  [/^(MOVED|ASK|CLUSTERDOWN|CROSSSLOT|TRYAGAIN)/, 'cluster'],
  [/^(MISCONF|MASTERDOWN|NOREPLICAS|BUSY)/, 'unavailable']
]

/** Of these the server's own words say which command or key it is about. */
const QUOTED: readonly FaultReason[] = [
  'forbidden',
  'refused',
  'wrong_type',
  'unavailable',
  'cluster'
]
const MOST_QUOTED = 200 // characters

/** Words of ioredis for calls that never left this process. */
const NOT_SENT = [/enableOfflineQueue/, /Cluster isn't ready/, /is already closed/]

export function faultOf(error: unknown): RedisFault {
  const detail = error instanceof Error ? error.message : String(error)
  const name = error instanceof Error ? error.name : ''
  if (name === 'ReplyError' || /^[A-Z]{4,} /.test(detail)) {
    const said = scriptFree(detail)
    const reason = REPLIES.find(([pattern]) => pattern.test(said))?.[1] ?? 'refused'
    return fault(reason, detail, false, QUOTED.includes(reason) ? quoted(said) : null)
  }
  if (NOT_SENT.some(pattern => pattern.test(detail))) return fault('unreachable', detail, false)
  const code = systemCode(error)
  if (code === 'ETIMEDOUT' || /timed out|timeout/i.test(detail))
    return fault('timeout', detail, true)
  if (name === 'ParserError' || /Protocol error|Unknown RESP type/.test(detail))
    return fault('protocol', detail, true)
  return fault('unreachable', detail, true, code)
}

/** The answer of the API where the store was not reached, and nothing was to be changed. */
export function unreachable({ reason, message }: RedisFault): SluiceError {
  return fail('SLC_STORE_UNREACHABLE', [message], { reason })
}

/** The answer to a change: the store was not reached, or it cannot be said whether it was made. */
export function unknownState(fault: RedisFault): SluiceError {
  const { reason, message, ambiguous } = fault
  if (!ambiguous) return unreachable(fault)
  return fail('SLC_STORE_UNKNOWN', [message], { reason })
}

/** `word`: of the system or of the server, which people know and can look up. */
function fault(
  reason: FaultReason,
  detail: string,
  ambiguous: boolean,
  word: string | null = null
): RedisFault {
  const [what, todo] = SENTENCES[reason]
  const message = `${what}${word === null ? '' : ` (${word})`}; ${todo}`
  return { reason, message, detail, ambiguous }
}

function systemCode(error: unknown): string | null {
  const known = error instanceof Error && 'code' in error && typeof error.code === 'string'
  return known && /^[A-Z][A-Z0-9_]+$/.test(String(error.code)) ? String(error.code) : null
}

function quoted(said: string): string {
  return JSON.stringify(said.length > MOST_QUOTED ? `${said.slice(0, MOST_QUOTED)}…` : said)
}

/** Faults inside a script are reported with its name before them. */
function scriptFree(message: string): string {
  return message.replace(/^ERR Error running script[^:]*:\S* @user_script:\d+: /, '')
}
