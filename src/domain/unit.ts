/**
 * The unit of a request: the bytes that are hashed, from the first source of the route that has one.
 *
 * Units are opaque: no decoding but the percent-encoding of a query and the escapes of JSON, no normalisation.
 * An empty value is a missing one. A value that occurs twice or is longer than 256 bytes is refused, because
 * another reader of the request could see another user. Nothing here verifies a token.
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

/** A route's sources, compiled once. */
export type UnitReader = (facts: RequestFacts, surroundings: UnitSurroundings) => Unit

const MISSING: Unit = { kind: 'missing' }

export function compileUnit(sources: readonly UnitSource[]): UnitReader {
  const readers = sources.map(compileSource)
  return (facts, surroundings) => {
    for (const reader of readers) {
      const unit = reader(facts, surroundings)
      if (unit.kind !== 'missing') return unit
    }
    return MISSING
  }
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

function compileSource(source: UnitSource): UnitReader {
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
  return 'clientIp' in source ? 'client address' : 'random'
}
