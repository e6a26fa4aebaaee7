/**
 * The tap: copies of requests and of the champion's answers for shadows. It never delays what it copies.
 *
 * Takes plain values and knows no lane. Bytes are copied as they pass, against a credit that is shared with
 * nobody; without credit a copy is dropped whole, with its reason, and the request goes on as if there were no
 * shadow. Nothing here waits or throws (shadow.md).
 */
import type { ByteBudget } from '../domain/byte-budget.ts'
import { badKindsOf } from '../domain/counts.ts'
import { Pieces } from '../domain/gathered.ts'
import { bucketOfHash, hashText, saltPrefix } from '../domain/hash.ts'
import {
  countShadow,
  countShadowDrop,
  SHADOW_AT,
  type ShadowClosed,
  type ShadowDrop,
  type ShadowTap
} from '../domain/shadow.ts'
import {
  type AnswerCopy,
  COPY_OVERHEAD,
  NO_ANSWER,
  type RequestCopy
} from '../domain/shadow-copy.ts'
import type { RouteSnapshot } from '../domain/snapshot.ts'

/** What is known of a request when it goes to the champion. */
export type TapFacts = {
  readonly route: RouteSnapshot
  readonly requestId: string
  readonly unit: string | null
  readonly unitHash: number
  readonly method: string
  readonly target: string // path and query as received
  readonly path: string
  readonly upgrade: boolean
  readonly contentLength: number // -1 for not known
  readonly fields: () => readonly string[] // asked for once, and only for a copy
}

/** What is known of the champion's answer when its outcome is decided. Times in ms. */
export type TapEnding = Pick<
  AnswerCopy,
  | 'variant'
  | 'outcome'
  | 'status'
  | 'latencyMs'
  | 'firstMs'
  | 'contentType'
  | 'contentEncoding'
  | 'inferenceHeaderLength'
> & { readonly bad: number }

/** Where copies go: the road to the shadow process, and the credit with it. */
export type TapRoad = {
  readonly send: (copy: RequestCopy | AnswerCopy) => void
  readonly credit: ByteBudget // bytes under way
  readonly closed: (slot: number) => ShadowClosed | null // why a shadow takes no copies now
}

/** The taps of one data thread. */
export class Taps {
  readonly #counters: Uint32Array
  readonly #salts = new Map<string, Uint8Array>()
  #road: TapRoad | null = null
  #wasConnected = false
  #open = new Set<Tap>()
  #ids = 0

  /** `counters` is this thread's region of shadow counters. */
  constructor(counters: Uint32Array) {
    this.#counters = counters
  }

  /** Another road, or none. Copies that are open belong to the one before and are lost with it. */
  connect(road: TapRoad | null): void {
    this.#road = road
    if (road !== null) this.#wasConnected = true
    for (const tap of [...this.#open]) tap.lose()
  }

  /** Considers a request for the shadows of its route; null when no one gets a copy. */
  begin(facts: TapFacts): Tap | null {
    const { shadows } = facts.route
    if (shadows.length === 0) return null
    let chosen: ShadowTap[] | null = null
    for (const shadow of shadows) {
      countShadow(this.#counters, shadow.slot, SHADOW_AT.considered)
      const why = this.#whyNot(shadow, facts)
      if (why !== null) this.drop(shadow.slot, why)
      else if (chosen === null) chosen = [shadow]
      else chosen.push(shadow)
    }
    if (chosen === null || this.#road === null) return null
    const tap = new Tap(this, this.#road, facts, chosen, ++this.#ids)
    if (!tap.reserve(facts.contentLength)) return null
    this.#open.add(tap)
    return tap
  }

  sent(slot: number): void {
    countShadow(this.#counters, slot, SHADOW_AT.sent)
  }

  drop(slot: number, why: ShadowDrop): void {
    countShadowDrop(this.#counters, slot, why)
  }

  close(tap: Tap): void {
    this.#open.delete(tap)
  }

  #whyNot(shadow: ShadowTap, facts: TapFacts): ShadowDrop | null {
    if (shadow.state !== 'on') return shadow.state
    if (facts.upgrade || !shadow.methods.includes(facts.method)) return 'method'
    if (!this.#sampled(shadow, facts)) return 'sampled_out'
    if (this.#road === null) return this.#wasConnected ? 'lost' : 'off'
    if (facts.contentLength > shadow.maxBody) return 'size'
    return this.#road.closed(shadow.slot)
  }

  /** A request without a unit is sampled by itself. */
  #sampled({ buckets, sample, salt }: ShadowTap, { unit, requestId }: TapFacts): boolean {
    if (buckets >= 10_000) return true
    if (buckets <= 0) return false
    const what = sample === 'unit' && unit !== null ? unit : requestId
    return bucketOfHash(hashText(this.#prefix(salt), what)) < buckets
  }

  #prefix(salt: string): Uint8Array {
    const known = this.#salts.get(salt)
    if (known !== undefined) return known
    const prefix = saltPrefix(salt)
    this.#salts.set(salt, prefix)
    return prefix
  }
}

/** The copy of one request, as it comes in, and of what the champion answers. */
export class Tap {
  readonly #taps: Taps
  readonly #road: TapRoad
  readonly #facts: TapFacts
  readonly #id: number
  readonly #most: number // bytes of an answer
  readonly #arrivedAt = Date.now()
  #shadows: readonly ShadowTap[]
  #credit = 0
  #request: Pieces | null = new Pieces()
  #answer: Pieces | null = new Pieces()
  #answerBytes = 0
  #truncated = false
  #sent = false
  #over = false

  constructor(
    taps: Taps,
    road: TapRoad,
    facts: TapFacts,
    shadows: readonly ShadowTap[],
    id: number
  ) {
    this.#taps = taps
    this.#road = road
    this.#facts = facts
    this.#shadows = shadows
    this.#id = id
    this.#most = Math.max(...shadows.map(({ maxBody }) => maxBody))
  }

  /** Takes credit for a request before its first byte. False: there is none, and the copy is dropped. */
  reserve(contentLength: number): boolean {
    if (this.#take(COPY_OVERHEAD + Math.max(0, contentLength))) return true
    this.#drop('credit')
    return false
  }

  /** A piece of the request's body, in order. */
  requestBody(chunk: Uint8Array): void {
    if (this.#request === null) return
    const bytes = this.#request.bytes + chunk.length
    if (bytes > this.#most) this.#drop('size')
    else if (this.#facts.contentLength < 0 && !this.#take(chunk.length)) this.#drop('credit')
    else this.#request.add(chunk)
  }

  /** The request is whole: its copy goes out. */
  requestEnd(): void {
    if (this.#request === null) return
    const { bytes } = this.#request
    const slots: number[] = []
    for (const { slot, maxBody } of this.#shadows) {
      if (bytes > maxBody) this.#taps.drop(slot, 'size')
      else {
        slots.push(slot)
        this.#taps.sent(slot)
      }
    }
    const body = this.#request.whole()
    this.#request = null
    if (slots.length === 0) {
      this.#end()
      return
    }
    this.#sent = true
    const { route, requestId, unit, unitHash, method, target, path } = this.#facts
    this.#road.send({
      kind: 'request',
      id: this.#id,
      slots,
      route: route.name,
      revision: route.revision,
      requestId,
      unit,
      unitHash,
      method,
      target,
      path,
      fields: this.#facts.fields(),
      body,
      arrivedAt: this.#arrivedAt,
      wholeAt: Date.now()
    })
  }

  /** A piece of the champion's answer. From the first on that does not fit they are counted and not kept. */
  answerBody(chunk: Uint8Array): void {
    this.#answerBytes += chunk.length
    if (this.#answer === null || this.#over || this.#truncated) return
    if (this.#answerBytes <= this.#most && this.#take(chunk.length)) this.#answer.add(chunk)
    else this.#truncated = true
  }

  /** The champion's outcome is decided. A request that is not whole by now never will be. */
  end(ending: TapEnding): void {
    if (this.#over) return
    if (!this.#sent) {
      this.#drop('incomplete')
      return
    }
    const body = this.#answer?.whole() ?? null
    this.#road.send({
      ...ending,
      kind: 'answer',
      id: this.#id,
      bytes: this.#answerBytes,
      bad: badKindsOf(ending.bad),
      body,
      truncated: this.#truncated,
      credit: this.#credit
    })
    this.#credit = 0 // the shadow process returns it
    this.#end()
  }

  /** A fault of ours ended the request. */
  abandon(): void {
    const { bytes: _bytes, body: _body, truncated: _truncated, ...nothing } = NO_ANSWER
    this.end({ ...nothing, variant: '', outcome: 'client_gone', bad: 0 })
  }

  /** The road is gone. What was handed over is counted by whoever knows what became of it. */
  lose(): void {
    if (!this.#sent) this.#drop('lost')
    this.#end()
  }

  #take(bytes: number): boolean {
    if (!this.#road.credit.take(bytes)) return false
    this.#credit += bytes
    return true
  }

  #drop(why: ShadowDrop): void {
    for (const { slot } of this.#shadows) this.#taps.drop(slot, why)
    this.#shadows = []
    this.#end()
  }

  #end(): void {
    this.#over = true
    this.#request = null
    this.#answer = null
    this.#taps.close(this)
    if (this.#credit === 0) return
    this.#road.credit.giveBack(this.#credit)
    this.#credit = 0
  }
}
