/**
 * The fan-out: each copy goes to the shadows that it is for, at most so many at once each, and when the
 * champion's answer and the shadow's are both there, they are a pair. Copies come in batches and leave in the time
 * that their requests had between them, so that a shadow meets the same load as the champion and no bursts.
 *
 * A sub-sample goes to the champion a second time, so that its own noise is known. Every copy ends exactly once,
 * as an outcome or as a drop, and the credit of its bytes is returned when the last of its pairs is done.
 */
import type { RoadBack, RoadEnd } from '../copy-road/accept-roads.ts'
import { ByteBudget } from '../domain/byte-budget.ts'
import { bucketOfHash, hashText, saltPrefix } from '../domain/hash.ts'
import { withModel } from '../domain/payload/model-rewrite.ts'
import { releaseBytes } from '../domain/release-bytes.ts'
import { CREDENTIALS, type ShadowDrop } from '../domain/shadow.ts'
import {
  ANSWER_BYTES,
  type AnswerCopy,
  BATCH_MS,
  NO_ANSWER,
  type RequestCopy
} from '../domain/shadow-copy.ts'
import type { ShadowTarget, ShadowUpstream } from '../domain/shadow-messages.ts'
import type { GiveWay } from '../ports.ts'
import type { Pools } from '../upstream-connection/pools.ts'
import type { CopiedAnswer } from './copied-call.ts'
import type { CopyCounting } from './counting.ts'
import { Lateness } from './lateness.ts'
import { Room } from './room.ts'
import { type CopyUpstream, copyUpstream } from './upstream.ts'

/** What is known when a copy and the request it was made of have both been answered. */
export type Pairing = {
  readonly target: ShadowTarget
  readonly copy: RequestCopy
  readonly primary: AnswerCopy
  readonly shadow: CopiedAnswer
  readonly noise: CopiedAnswer | null // the champion's second answer
}

export type FanOut = {
  setTargets(targets: readonly ShadowTarget[]): void
  /** A road of copies from one data thread. */
  road(back: RoadBack): RoadEnd
  /** Copies that are under way. */
  open(): number
  /** Shadow answers that are held, in bytes. */
  held(): number
}

type Live = {
  readonly target: ShadowTarget
  readonly upstream: CopyUpstream
  readonly again: CopyUpstream // the champion, for the noise
  readonly room: Room // carried from target to target
}

/** `paired` takes a pair and says when it needs the bytes no more. */
export function createFanOut(options: {
  readonly pools: Pools
  readonly counting: CopyCounting
  readonly paired: (pairing: Pairing, done: () => void) => void
  readonly giveWay: GiveWay
}): FanOut {
  const { pools, counting, paired, giveWay } = options
  const budget = new ByteBudget(ANSWER_BYTES)
  const lateness = new Lateness()
  let live: ReadonlyMap<number, Live> = new Map()
  let underWay = 0

  function setTargets(targets: readonly ShadowTarget[]): void {
    const before = live
    live = new Map(
      targets.map(target => [target.slot, liveTarget(target, before.get(target.slot), pools)])
    )
    for (const [slot, { target, room }] of before) {
      if (live.has(slot)) continue
      room.end(performance.now())
      pools.drop(ownerOf(target))
      pools.drop(`${ownerOf(target)} again`)
    }
  }

  return {
    setTargets,
    open: () => underWay,
    held: () => budget.held,
    road(back) {
      const open = new Map<number, OpenCopy>()

      function begin(copy: RequestCopy): void {
        const entry: OpenCopy = { copy, primary: null, legs: 1, waiting: [] }
        open.set(copy.id, entry)
        underWay++
        const wait = copy.wholeAt + BATCH_MS - Date.now()
        if (wait > 0 && wait <= BATCH_MS) setTimeout(sendAll, wait, entry)
        else sendAll(entry)
      }

      function sendAll(entry: OpenCopy): void {
        giveWay()
        const { copy } = entry
        const now = performance.now()
        entry.legs += copy.slots.length
        for (const slot of copy.slots) {
          const refuse = (why: ShadowDrop): void => {
            counting.dropped(slot, why)
            ended(entry)
          }
          const room = live.get(slot)?.room
          if (room === undefined) refuse('off')
          else room.enter(now, back, { go: () => send(entry, slot, refuse), refuse })
        }
        ended(entry)
      }

      /** As the shadow is by now: a copy may have waited. */
      function send(entry: OpenCopy, slot: number, refuse: (why: ShadowDrop) => void): void {
        const to = live.get(slot)
        if (to === undefined) {
          refuse('off')
          return
        }
        const { target, room } = to
        const { copy } = entry
        const leg: Leg = { target, shadow: null, noise: null, expects: isNoisy(target, copy) }
        const limits = {
          timeoutMs: target.settings.timeout,
          maxBody: target.settings.maxBody,
          budget,
          lateness
        }
        const answered = (): void => {
          if (leg.shadow === null || (leg.expects && leg.noise === null)) return
          entry.waiting.push(leg)
          settle(entry)
        }
        to.upstream.send(copy, bodyFor(target, copy), limits, answer => {
          giveWay()
          room.leave(performance.now(), answer.latencyMs)
          leg.shadow = answer
          answered()
        })
        if (!leg.expects) return
        to.again.send(copy, copy.body, limits, answer => {
          leg.noise = answer
          answered()
        })
      }

      /** Gives every leg that has both answers away as a pair. */
      function settle(entry: OpenCopy): void {
        const { copy, primary } = entry
        if (primary === null) return
        for (const { target, shadow, noise } of entry.waiting.splice(0)) {
          if (shadow === null) continue
          paired({ target, copy, primary, shadow, noise }, () => {
            budget.giveBack(shadow.held + (noise?.held ?? 0))
            releaseBytes(shadow.body)
            releaseBytes(noise?.body ?? null)
            ended(entry)
          })
        }
        settled(entry)
      }

      function ended(entry: OpenCopy): void {
        entry.legs--
        settled(entry)
      }

      function settled({ copy, primary, legs }: OpenCopy): void {
        if (primary === null || legs > 0 || !open.delete(copy.id)) return
        underWay--
        releaseBytes(primary.body)
        if (pools.allWritten()) releaseBytes(copy.body)
        back.credit(primary.credit)
      }

      function finish(answer: AnswerCopy): void {
        const entry = open.get(answer.id)
        if (entry === undefined || entry.primary !== null) return
        entry.primary = answer
        settle(entry)
      }

      return {
        take(copies) {
          giveWay()
          for (const item of copies) item.kind === 'request' ? begin(item) : finish(item)
        },
        close() {
          for (const { copy, primary } of [...open.values()]) {
            if (primary === null) finish(noAnswer(copy.id))
          }
          for (const { room } of live.values()) room.forget(back)
        }
      }
    }
  }
}

type Leg = {
  readonly target: ShadowTarget
  readonly expects: boolean // noise
  shadow: CopiedAnswer | null
  noise: CopiedAnswer | null
}

type OpenCopy = {
  readonly copy: RequestCopy
  primary: AnswerCopy | null
  legs: number // that are not done with, and one until it is sent
  readonly waiting: Leg[] // for the champion's answer
}

function liveTarget(target: ShadowTarget, before: Live | undefined, pools: Pools): Live {
  const owner = ownerOf(target)
  const { settings } = target
  // What is not connected by the end of a copy's time must not go on holding its body.
  const connectMs = Math.min(target.connectMs, settings.timeout)
  const room = before?.room ?? new Room(target.slot)
  const upstreamOf = (
    name: string,
    upstream: ShadowUpstream,
    keepHeaders: readonly string[],
    back: () => void
  ) => copyUpstream(name, upstream, keepHeaders, connectMs, pools, back)
  const upstream = upstreamOf(owner, target.shadow, settings.keepHeaders, () => room.reachable())
  room.renew(settings.concurrency, upstream, performance.now())
  return {
    target,
    upstream,
    again: upstreamOf(`${owner} again`, target.champion, CREDENTIALS, () => undefined),
    room
  }
}

/** Names the pools of a shadow; no name of a route or shadow has a space. */
function ownerOf({ route, settings }: ShadowTarget): string {
  return `${route} ${settings.name}`
}

function bodyFor({ settings }: ShadowTarget, { body }: RequestCopy): Uint8Array | null {
  if (body === null || settings.rewriteModel === null) return body
  return withModel(body, settings.rewriteModel) ?? body
}

const NOISE = saltPrefix('noise')

/** By request, so that the sub-sample is none of the same users again and again. */
function isNoisy({ settings }: ShadowTarget, { requestId }: RequestCopy): boolean {
  if (!settings.compare || settings.noise <= 0) return false
  return bucketOfHash(hashText(NOISE, requestId)) < Math.round(settings.noise * 100)
}

/** The data thread ended before its champion answered. */
function noAnswer(id: number): AnswerCopy {
  return { ...NO_ANSWER, kind: 'answer', id, variant: '', outcome: 'reset', bad: [], credit: 0 }
}
