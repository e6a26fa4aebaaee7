/**
 * The unit of a request: the bytes that are hashed, from the first source of the route that has one.
 *
 * Units are opaque: no decoding but the percent-encoding of a query and the escapes of JSON, no normalisation.
 * An empty value is a missing one. A value that occurs twice or is longer than 256 bytes is refused, because
 * another reader of the request could see another user. Nothing here verifies a token. Sources in the body are
 * read elsewhere (payload/unit-scan.ts); here they keep their place in the order.
 */
import {
  cookieOf,
  headerOf,
  latin1Of,
  type Occurrence,
  queryOf,
  type RequestFacts
} from './facts.ts'
import { jwtClaim } from './jwt-claim.ts'
import type { ScanState } from './payload/unit-place.ts'
import type { BodyUnitSource } from './payload/unit-scan.ts'
import { MAX_UNIT_BYTES, type UnitSource } from './route.ts'

export type Unit =
  | { readonly kind: 'unit'; readonly text: string } // latin1, one character a byte
  | {
      readonly kind: 'minted'
      readonly text: string
      readonly name: string
      readonly maxAge: number
    }
  | { readonly kind: 'random'; readonly hash: number } // taken at random, each request anew
  | { readonly kind: 'missing' }
  | { readonly kind: 'invalid'; readonly where: string; readonly why: string }

/** What the last resorts need from outside; null where it is not to be had. */
export type UnitSurroundings = {
  readonly clientAddress: (facts: RequestFacts) => string | null
  readonly mint: () => string | null // a new id for a cookie: 1 to 256 cookie octets
  readonly random: () => number | null // unsigned 32 bits
}

/** What came of the body: of the sources that `BodyNeed` named. */
export type BodyUnit = Exclude<ScanState, { readonly kind: 'open' }>

/** A route's sources, compiled once. Without a body, sources in it are missing. */
export type UnitReader = (
  facts: RequestFacts,
  surroundings: UnitSurroundings,
  body?: BodyUnit
) => Unit

/** The sources in the body that have to be read before the unit is known; empty where the head is enough. */
export type BodyNeed = (
  facts: RequestFacts,
  surroundings: UnitSurroundings
) => readonly BodyUnitSource[]

const MISSING: Unit = { kind: 'missing' }
const NO_BODY: BodyUnit = { kind: 'absent' }

export function compileUnit(sources: readonly UnitSource[]): UnitReader {
  const readers = sources.map(source => (isInBody(source) ? null : compileSource(source)))
  return (facts, surroundings, body = NO_BODY) => {
    for (const reader of readers) {
      const unit = reader === null ? fromBody(body) : reader(facts, surroundings)
      if (unit.kind !== 'missing') return unit
    }
    return MISSING
  }
}

/** Null for sources of which none is in the body. A source that is present hides those behind it. */
export function compileBodyNeed(sources: readonly UnitSource[]): BodyNeed | null {
  if (!sources.some(isInBody)) return null
  const steps = sources.map(source => (isInBody(source) ? source : compileSource(source)))
  return (facts, surroundings) => {
    const needed: BodyUnitSource[] = []
    for (const step of steps) {
      if (typeof step !== 'function') needed.push(step)
      else if (step(facts, surroundings).kind !== 'missing') break
    }
    return needed
  }
}

export function isInBody(source: UnitSource): source is BodyUnitSource {
  return 'json' in source || 'tensor' in source || 'dataframe' in source || 'field' in source
}

function fromBody(body: BodyUnit): Unit {
  if (body.kind === 'found') return { kind: 'unit', text: body.text }
  return body.kind === 'absent' ? MISSING : { kind: 'invalid', where: 'the body', why: body.why }
}

/** A unit from its bytes as latin1: empty is missing, too long is refused. */
export function checkedUnit(where: string, text: string): Unit {
  if (text === '') return MISSING
  if (text.length <= MAX_UNIT_BYTES) return { kind: 'unit', text }
  return { kind: 'invalid', where, why: 'it is longer than 256 bytes' }
}

/** Where a route looks for its unit, for a sentence: `header x-user-id, cookie uid`. */
export function sourcesText(sources: readonly UnitSource[]): string {
  return sources.map(sourceText).join(', ')
}

/** Fields that carry a unit, in lower case: a client may not bring them under another spelling. */
export function unitFields(sources: readonly UnitSource[]): readonly string[] {
  return sources.flatMap(source => {
    if ('header' in source) return [source.header.toLowerCase()]
    if ('cookie' in source || 'setCookie' in source) return ['cookie']
    return 'jwt' in source ? ['authorization'] : []
  })
}

function compileSource(source: Exclude<UnitSource, BodyUnitSource>): UnitReader {
  const where = sourceText(source)
  if ('header' in source) {
    const name = source.header.toLowerCase()
    return facts => single(where, headerOf(facts.rawHeaders, name))
  }
  if ('cookie' in source) {
    const name = latin1Of(source.cookie)
    return facts => single(where, cookieOf(facts.rawHeaders, name))
  }
  if ('query' in source) {
    const name = latin1Of(source.query)
    return facts => single(where, queryOf(facts.query, name))
  }
  if ('jwt' in source) return facts => fromToken(where, source.jwt, facts)
  if ('setCookie' in source) return compileOwnCookie(where, source.setCookie)
  if ('clientIp' in source) {
    return (facts, { clientAddress }) => checkedUnit(where, clientAddress(facts) ?? '')
  }
  return (_facts, { random }) => {
    const hash = random()
    return hash === null ? MISSING : { kind: 'random', hash }
  }
}

function compileOwnCookie(where: string, cookie: { name: string; maxAge: number }): UnitReader {
  const name = latin1Of(cookie.name)
  return (facts, { mint }) => {
    const known = single(where, cookieOf(facts.rawHeaders, name))
    if (known.kind !== 'missing') return known
    const text = mint()
    return text === null ? MISSING : { kind: 'minted', text, ...cookie }
  }
}

function fromToken(where: string, claim: string, facts: RequestFacts): Unit {
  const field = headerOf(facts.rawHeaders, 'authorization')
  if (field.count === 0) return MISSING
  if (field.count > 1) return { kind: 'invalid', where, why: 'Authorization occurs more than once' }
  return checkedUnit(where, jwtClaim(field.value, claim) ?? '')
}

function single(where: string, found: Occurrence): Unit {
  if (found.count > 1) return { kind: 'invalid', where, why: 'it occurs more than once' }
  return checkedUnit(where, found.value)
}

function sourceText(source: UnitSource): string {
  if ('header' in source) return `header ${source.header}`
  if ('cookie' in source) return `cookie ${source.cookie}`
  if ('query' in source) return `query ${source.query}`
  if ('jwt' in source) return `token claim ${source.jwt}`
  if ('setCookie' in source) return `cookie ${source.setCookie.name}`
  if ('json' in source) return `body at ${source.json === '' ? 'its root' : source.json}`
  if ('tensor' in source) return `tensor ${source.tensor}`
  if ('dataframe' in source) return `column ${source.dataframe}`
  if ('field' in source) return `field ${source.field}`
  return 'clientIp' in source ? 'client address' : 'random'
}
