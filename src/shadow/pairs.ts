/**
 * Pairs become knowledge: each is read, compared, added to what its shadow's pairs say, and published, one after
 * the other. They are gathered first, for a pair that is judged among others costs two thirds of one by itself. All of
 * it is done in steps, and the loop of events gets its turn every 5 ms, so that comparing starves neither copies nor
 * events.
 */
import { createHash, hash } from 'node:crypto'
import { type Agreement, type AgreementView, createAgreement } from '../domain/compare/agreement.ts'
import { compareSteps } from '../domain/compare/compare.ts'
import type { ComparedSide, Comparison } from '../domain/compare/comparison.ts'
import type { Steps } from '../domain/compare/pace.ts'
import { redactSteps } from '../domain/compare/redact.ts'
import { badKindsOf, type Outcome } from '../domain/counts.ts'
import { PAIR, type PairComparison, type PairRecord, type PairSide } from '../domain/pair.ts'
import type { CopyOutcome } from '../domain/shadow.ts'
import { type CapturedAnswer, NO_ANSWER, type RequestCopy } from '../domain/shadow-copy.ts'
import type { PublishedEvent, ShadowTarget } from '../domain/shadow-messages.ts'
import type { GiveWay } from '../ports.ts'
import type { CopiedAnswer } from './copied-call.ts'
import type { CopyCounting } from './counting.ts'
import { type Decoded, decoded } from './decoded.ts'
import type { Pairing } from './fan-out.ts'
import { outcomeOfCopy, readCopy } from './read-copy.ts'
import { createTurns } from './turns.ts'

export type SlotRatios = {
  readonly slot: number
  readonly fields: readonly { readonly field: string; readonly ratio: number }[]
}

export type Pairs = {
  /** Takes a pair; `done` is called when its bytes are needed no more. */
  take(pairing: Pairing, done: () => void): void
  /** What the pairs of a slot say. */
  view(slot: number): AgreementView
  /** Agreement by field of every slot that had a pair since the last call. */
  ratios(): readonly SlotRatios[]
  /** Pairs are being judged or wait for it. */
  busy(): boolean
}

const MOST_DIFFERENCES = 50
const GATHER_MS = 50
const GATHER_BYTES = 256 * 1024 // of bodies; more wait for no others, for copies may be short of them

export function createPairs(options: {
  readonly counting: CopyCounting
  readonly publish: (event: PublishedEvent) => void
  readonly unitId: (unit: string) => string
  readonly log: (msg: string, fields: Readonly<Record<string, unknown>>) => void
  readonly giveWay: GiveWay
  readonly gatherMs?: number
}): Pairs {
  const { gatherMs = GATHER_MS } = options
  const agreements = new Map<number, Agreement>()
  const changed = new Set<number>()
  const queue: { readonly pairing: Pairing; readonly done: () => void }[] = []
  const turns = createTurns(options.giveWay)
  let gathered = 0 // bytes
  let timer: NodeJS.Timeout | null = null // until pairs are judged
  let working = false

  function agreementOf({ slot }: ShadowTarget): Agreement {
    const known = agreements.get(slot)
    if (known !== undefined) return known
    const made = createAgreement({ random: Math.random })
    agreements.set(slot, made)
    return made
  }

  async function work(): Promise<void> {
    if (timer !== null) clearTimeout(timer)
    timer = null
    gathered = 0
    working = true
    turns.begin()
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      try {
        await turns.drive(judge(next.pairing, await plainBodies(next.pairing)))
      } catch (error) {
        options.log('a pair could not be judged', { error: String(error) })
        options.counting.dropped(next.pairing.target.slot, 'lost')
      }
      next.done()
      if (turns.areDue()) await turns.take()
    }
    working = false
  }

  function* judge(pairing: Pairing, bodies: PlainBodies): Steps {
    const { target, copy, primary, shadow, noise } = pairing
    const { settings, slot } = target
    const reading = yield* readCopy(target, copy, shadow, bodies.shadow)
    const outcome = outcomeOfCopy(shadow, reading)
    const one = side(primary, primary.outcome, bodies.primary)
    const other = side(shadow, outcome, bodies.shadow)
    const comparison = settings.compare ? yield* compare(target, one, other) : NOT_COMPARED
    const again = isEvidence(noise) ? yield* noiseOf(target, copy, one, noise, bodies.noise) : null
    const bad = badKindsOf(reading?.bad ?? 0)
    const event = yield* eventOf(pairing, outcome, bad, comparison, bodies)
    const agreement = agreementOf(target)
    agreement.add(comparison, {
      requestId: copy.requestId,
      at: event.data.at,
      primaryMs: primary.latencyMs,
      shadowMs: shadow.latencyMs,
      timed: isAnswer(primary.outcome) && isAnswer(outcome) && isTimed(shadow),
      capture: settings.capture
    })
    if (again !== null) agreement.addNoise(again, comparison)
    else if (noise !== null) agreement.missNoise(noise.outcome)
    changed.add(slot)
    options.publish(event)
    options.counting.ended(slot, outcome)
  }

  function* eventOf(
    { target, copy, primary, shadow }: Pairing,
    outcome: CopyOutcome,
    bad: PairSide['bad'],
    comparison: Comparison,
    bodies: PlainBodies
  ): Steps<PublishedEvent & { readonly data: PairRecord }> {
    const { settings } = target
    const unitId = copy.unit === null ? null : options.unitId(copy.unit)
    const data: PairRecord = {
      route: copy.route,
      revision: copy.revision,
      requestId: copy.requestId,
      unitId,
      at: new Date(copy.arrivedAt).toISOString(),
      primary: {
        variant: primary.variant === '' ? target.champion.variant : primary.variant,
        model: modelOf(target.champion),
        ...(yield* measured(primary, primary.outcome)),
        outcome: primary.outcome,
        bad: primary.bad,
        ...(yield* captured(target, primary, bodies.primary))
      },
      shadow: {
        name: settings.name,
        variant: settings.variant,
        model: modelOf(target.shadow),
        ...(yield* measured(shadow, outcome)),
        outcome,
        bad,
        ...(yield* captured(target, shadow, bodies.shadow))
      },
      comparison: summary(comparison, primary.latencyMs, shadow.latencyMs, settings.capture)
    }
    return { type: PAIR, key: unitId ?? '', data }
  }

  return {
    take(pairing, done) {
      queue.push({ pairing, done })
      if (working) return
      gathered += bytesOf(pairing)
      if (gathered >= GATHER_BYTES) void work()
      else timer ??= setTimeout(() => void work(), gatherMs)
    },
    view: slot => (agreements.get(slot) ?? createAgreement({ random: Math.random })).view(),
    ratios() {
      const slots = [...changed]
      changed.clear()
      return slots.map(slot => ({ slot, fields: ratiosOf(agreements.get(slot)) }))
    },
    busy: () => working || timer !== null
  }
}

function bytesOf({ copy, primary, shadow, noise }: Pairing): number {
  let bytes = 0
  for (const held of [copy, primary, shadow, noise]) bytes += held?.body?.length ?? 0
  return bytes
}

function ratiosOf(agreement: Agreement | undefined): SlotRatios['fields'] {
  return (agreement?.view().fields ?? []).flatMap(({ field, ratio }) =>
    ratio === null ? [] : [{ field, ratio }]
  )
}

const NOT_COMPARED: Comparison = { refusal: 'off', agree: false, fields: [] }

/** The bodies of a pair without their codings. */
type PlainBodies = {
  readonly primary: Decoded
  readonly shadow: Decoded
  readonly noise: Decoded
}

async function plainBodies({ primary, shadow, noise }: Pairing): Promise<PlainBodies> {
  return {
    primary: await plainBody(primary),
    shadow: await plainBody(shadow),
    noise: await plainBody(noise ?? NO_ANSWER)
  }
}

/** An answer without a body has an empty one. */
function plainBody({
  body,
  contentEncoding,
  truncated
}: CapturedAnswer): Decoded | Promise<Decoded> {
  return decoded(body ?? NO_BYTES, contentEncoding, !truncated)
}

const NO_BYTES = new Uint8Array(0)

/**
 * Whether a second answer tells of the champion's noise. One that did not come in the time of the shadow's copies, or
 * for want of a connection from here, tells of the copying.
 */
function isEvidence(noise: CopiedAnswer | null): noise is CopiedAnswer {
  return noise !== null && noise.outcome !== 'timeout' && noise.outcome !== 'connect'
}

/** The champion's second answer against its first. */
function* noiseOf(
  target: ShadowTarget,
  copy: RequestCopy,
  first: ComparedSide,
  noise: CopiedAnswer,
  body: Decoded
): Steps<Comparison> {
  const reading = yield* readCopy(target, copy, noise, body)
  const outcome = outcomeOfCopy(noise, reading)
  return yield* compare(target, first, side(noise, outcome, body))
}

function compare(
  { protocol, predictions, settings }: ShadowTarget,
  one: ComparedSide,
  other: ComparedSide
): Steps<Comparison> {
  const { ignore, tolerance, redact } = settings
  const rules = { protocol, predictions, ignore, redact, relative: tolerance.relative }
  return compareSteps(one, other, rules)
}

function side(
  { status, contentType, inferenceHeaderLength, truncated }: CapturedAnswer,
  outcome: Outcome,
  { bytes, state }: Decoded
): ComparedSide {
  const refusal =
    status === 0
      ? 'no_answer'
      : truncated
        ? 'truncated'
        : state === 'whole'
          ? null
          : REFUSALS[state]
  const body = refusal === null ? bytes : null
  return { status, outcome, contentType, inferenceHeaderLength, body, refusal }
}

const REFUSALS = { more: 'too_large', broken: 'coding', unknown: 'coding' } as const

/** Whether an outcome is that of an answer that came whole. */
function isAnswer(outcome: Outcome): boolean {
  return ANSWERS.includes(outcome)
}

/** Whether the time of an answer is that of its model, and not this process's own by more than a tenth. */
function isTimed({ lateMs, latencyMs }: CopiedAnswer): boolean {
  return lateMs <= LATE_MOST * latencyMs
}

const LATE_MOST = 0.1

const ANSWERS: readonly Outcome[] = ['ok', 'client_error', 'upstream_error', 'bad_prediction']

function modelOf({ model }: ShadowTarget['shadow']): PairSide['model'] {
  return Object.keys(model).length === 0 ? null : model
}

function* measured(
  answer: CapturedAnswer,
  outcome: Outcome
): Steps<Pick<PairSide, 'status' | 'latencyMs' | 'ttfbMs' | 'bytes' | 'sha256' | 'truncated'>> {
  const { status, latencyMs, firstMs, bytes, body, truncated } = answer
  const whole = isAnswer(outcome) && !truncated
  const digest = whole ? yield* sha256(body ?? NO_BYTES) : null
  return {
    status,
    latencyMs: rounded(latencyMs),
    ttfbMs: status > 0 ? rounded(firstMs) : null,
    bytes,
    sha256: digest,
    truncated
  }
}

/** In hex; of a long body piece by piece. */
function* sha256(body: Uint8Array): Steps<string> {
  if (body.length <= HASHED) return hash('sha256', body, 'hex')
  const pieces = createHash('sha256')
  for (let at = 0; at < body.length; at += HASHED) {
    pieces.update(body.subarray(at, at + HASHED))
    if (at + HASHED < body.length) yield
  }
  return pieces.digest('hex')
}

const HASHED = 262_144 // bytes that are hashed at once: they take less than a millisecond

function* captured(
  { settings }: ShadowTarget,
  { status, contentType, truncated }: CapturedAnswer,
  { bytes, state }: Decoded
): Steps<Pick<PairSide, 'body' | 'bodyEncoding' | 'truncated'>> {
  if (!settings.capture || status === 0 || state === 'unknown') return { truncated }
  const kept = yield* redactSteps(bytes, contentType, settings.redact, settings.maxBody)
  if (kept === null) return { truncated }
  const cut = truncated || kept.truncated || state !== 'whole'
  return { body: kept.text, bodyEncoding: kept.encoding, truncated: cut }
}

function summary(
  { refusal, agree, fields }: Comparison,
  primaryMs: number,
  shadowMs: number,
  capture: boolean
): PairComparison {
  const differing = fields.filter(({ difference }) => difference !== null)
  return {
    compared: refusal === null,
    agree: refusal !== null && differing.length === 0 ? null : agree,
    why: refusal,
    latencyRatio: primaryMs > 0 && shadowMs > 0 ? rounded(shadowMs / primaryMs) : null,
    differences: differing.slice(0, MOST_DIFFERENCES).map(each => ({
      field: each.field,
      kind: each.difference ?? '',
      ...(each.by === null ? {} : { by: each.by }),
      ...(capture && each.primary !== null ? { primary: each.primary } : {}),
      ...(capture && each.shadow !== null ? { shadow: each.shadow } : {})
    }))
  }
}

/** To three decimals. */
function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}
