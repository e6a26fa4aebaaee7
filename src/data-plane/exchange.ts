/**
 * One request and its answer, from the client's bytes to the outcome: the state that the steps of the lane share.
 *
 * Steps go begin → forward → answer → settle and each decides one thing; what they know of each other is here.
 * Times are ms since the process epoch, 0 for not yet.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { AnswerHead } from './answer-fields.ts'
import type { Decision } from './decide.ts'
import type { Head } from './gate.ts'
import type { HeldBody } from './held-body.ts'
import type { Lane } from './lane.ts'
import type { LiveAddress, LiveRoute, LiveTable, LiveVariant } from './live-routes.ts'
import type { ObservedAnswer } from './observed-answer.ts'
import type { Tap } from './tap.ts'
import type { Upload } from './upload.ts'

/** What the other steps may do to a request that is with an upstream. */
export type UpstreamWork = {
  readonly address: LiveAddress
  /** Closes the connection to the upstream; nothing more is heard of it. */
  abort(): void
  pause(): void
  resume(): void
}

/** The client's connection, as far as an exchange cares. */
export type ClientSide = {
  readonly socket: Socket
  readonly peer: string
  readonly secure: boolean
  /** The bytes of this client can no longer be understood: nothing more is read from it. */
  faulty: boolean
}

export class Exchange {
  readonly lane: Lane
  readonly client: ClientSide
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly arrivedAt: number
  /** The bytes behind the head of an upgrade. */
  readonly upgradeRest: Buffer | null

  head: Head | null = null
  requestId = ''
  table: LiveTable | null = null
  decision: Decision | null = null
  route: LiveRoute | null = null
  /** Who answers: the assigned variant, or the champion where that was unavailable. */
  variant: LiveVariant | null = null
  cohort = 0
  stratum = 0
  reason = ''
  holdsLoad = false

  body: Buffer | null = null
  held: HeldBody | null = null // what of the body came while the unit was looked for
  upload: Upload | null = null
  work: UpstreamWork | null = null
  observed: ObservedAnswer | null = null
  tap: Tap | null = null // copies for shadows
  answer: AnswerHead | null = null

  sentAt = 0 // the request's last byte
  firstAt = 0 // the answer's head
  streamedAt = 0 // first byte of a stream's body
  upstreamAt = 0 // last byte from the upstream
  cutAt = 0 // when a stream ends by reset, 0 for never
  status = 0
  stream = false
  tunnel: Tunnel | null = null
  answered = false // counted as answered
  warm = false // its address, when it was sent
  waited = false // for the client's socket: its time is no evidence
  settled = false // the outcome is decided
  unread = false // and will be counted when the answer has been read
  logDue = false // its line waits for that
  retried = false // at another address of the variant
  outcome = ''
  over = false // nothing more goes to the client
  afterRollback = false

  bytesOut = 0
  uploadMark = 0 // bytes of the connection at uploadAt
  uploadAt: number
  stallMark = -1 // queued bytes at stallAt; -1 while the client takes what we send
  stallAt = 0

  constructor(
    lane: Lane,
    client: ClientSide,
    req: IncomingMessage,
    res: ServerResponse,
    upgradeRest: Buffer | null
  ) {
    this.lane = lane
    this.client = client
    this.req = req
    this.res = res
    this.upgradeRest = upgradeRest
    this.arrivedAt = lane.now()
    this.uploadAt = this.arrivedAt
  }
}

/** An upgraded connection: bytes are all that is known of it. */
export type Tunnel = {
  readonly bytes: () => number
  readonly cut: () => void
}
