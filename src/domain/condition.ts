/**
 * Conditions on a request: what a route's match and an override's `when` may ask, compiled once.
 *
 * Configured text is turned into the bytes that would be on the wire, so `exact: café` meets the UTF-8 of it.
 * A field that occurs several times is compared as its combined value; of a query parameter or cookie the
 * first counts. An absent value fails every test but `present: false`. Never a regular expression.
 */
import {
  combinedHeader,
  cookieOf,
  latin1Of,
  type Occurrence,
  queryOf,
  type RequestFacts
} from './facts.ts'
import type { Condition, ValueTest } from './route.ts'

/** A condition ready to be asked; `unit` is the unit's bytes as latin1, null where there is none. */
export type Check = (facts: RequestFacts, unit: string | null) => boolean

/** A test of one value, null for an absent one. */
export type ValueCheck = (value: string | null) => boolean

export function compileCondition(condition: Condition): Check {
  if ('all' in condition) {
    const checks = condition.all.map(compileCondition)
    return (facts, unit) => checks.every(check => check(facts, unit))
  }
  if ('any' in condition) {
    const checks = condition.any.map(compileCondition)
    return (facts, unit) => checks.some(check => check(facts, unit))
  }
  if ('not' in condition) {
    const check = compileCondition(condition.not)
    return (facts, unit) => !check(facts, unit)
  }
  if ('header' in condition) return headerCheck(condition.header.name, condition.header)
  if ('query' in condition) return queryCheck(condition.query.name, condition.query)
  if ('cookie' in condition) {
    const name = latin1Of(condition.cookie.name)
    const test = compileValue(condition.cookie)
    return facts => test(first(cookieOf(facts.rawHeaders, name)))
  }
  const test = compileValue(condition.unit)
  return (_facts, unit) => test(unit)
}

export function headerCheck(name: string, expected: ValueTest): Check {
  const test = compileValue(expected)
  const lower = name.toLowerCase()
  return facts => test(combinedHeader(facts.rawHeaders, lower))
}

export function queryCheck(name: string, expected: ValueTest): Check {
  const test = compileValue(expected)
  const bytes = latin1Of(name)
  return facts => test(first(queryOf(facts.query, bytes)))
}

export function compileValue(expected: ValueTest): ValueCheck {
  if ('exact' in expected) {
    const wanted = latin1Of(expected.exact)
    return value => value === wanted
  }
  if ('prefix' in expected) {
    const wanted = latin1Of(expected.prefix)
    return value => value?.startsWith(wanted) ?? false
  }
  if ('in' in expected) {
    const wanted = new Set(expected.in.map(latin1Of))
    return value => value !== null && wanted.has(value)
  }
  return value => (value !== null) === expected.present
}

function first(found: Occurrence): string | null {
  return found.count === 0 ? null : found.value
}
