/**
 * What is wrong with a single value, in words.
 *
 * Exports: `faultOf`, `saysOf`, `show`, `showQuantity`.
 */
import { Value } from 'typebox/value'
import { hint, withoutUser } from './diagnostics.ts'
import { kindOf, kindOfValue, type Node } from './node.ts'
import { basisPoints, parseDuration, parsePercent, parseSize, showDuration } from './quantities.ts'

/** What is wrong with a single value, as a sentence; null when nothing is. */
export function faultOf(node: Node, value: unknown): string | null {
  if (node.enum) {
    if (typeof value !== 'string' || !node.enum.includes(value)) {
      const near = typeof value === 'string' ? hint(value, node.enum) : ''
      return `must be ${saysOf(node)}, not ${show(value)}${near.startsWith(',') ? near : ''}`
    }
    if (node['x-later-words']?.includes(value)) return `${value} is not available in this version`
    return null
  }
  if (node['x-kind']) return faultOfQuantity(node, value)
  if (node.type === 'object' || node.type === 'array') {
    return kindOf(node) === kindOfValue(value) ? null : `must be ${saysOf(node)}`
  }
  const bare: Record<string, unknown> = { ...node }
  if (Value.Check(bare, value)) return null
  if (node.type === 'string' && (typeof value === 'number' || typeof value === 'boolean')) {
    return `must be a string; put ${show(value)} in quotes`
  }
  return node['x-secret']
    ? `must be ${saysOf(node)}`
    : `must be ${saysOf(node)}, not ${show(value)}`
}

const PARSERS = { duration: parseDuration, size: parseSize, percent: parsePercent } as const

function faultOfQuantity(node: Node, value: unknown): string | null {
  const kind = node['x-kind']
  if (kind === undefined) return null
  if (kind === 'weight') {
    if (typeof value === 'number' && basisPoints(value) !== null) return null
    const sign = typeof value === 'string' && value.endsWith('%') ? '; weights carry no sign' : ''
    return `must be ${saysOf(node)}, not ${show(value)}${sign}`
  }
  const number = typeof value === 'string' ? PARSERS[kind](value) : null
  if (number === null) return `must be ${saysOf(node)}, not ${show(value)}`
  const { 'x-min': min = 0, 'x-max': max = Number.POSITIVE_INFINITY } = node
  if (number >= min && number <= max) return null
  return `must be from ${showQuantity(kind, min)} to ${showQuantity(kind, max)}, not ${show(value)}`
}

export function showQuantity(kind: 'duration' | 'size' | 'percent', number: number): string {
  if (kind === 'duration') return showDuration(number)
  if (kind === 'percent') return `${Number((number * 100).toFixed(4))}%`
  const unit = number >= 1024 ** 3 ? 3 : number >= 1024 ** 2 ? 2 : number >= 1024 ? 1 : 0
  return `${number / 1024 ** unit}${['B', 'KiB', 'MiB', 'GiB'][unit]}`
}

const QUANTITIES = {
  duration: 'a duration such as "250ms", "10s", "5m", "2h" or "14d"',
  size: 'a size such as "16KiB" or "32MiB"',
  percent: 'a percentage with its sign, such as "1%"',
  weight: 'a weight from 0 to 100 with at most two decimals'
} as const

/** What a value may be, in words: `a duration such as "250ms" …`. */
export function saysOf(node: Node): string {
  if (node['x-says'] !== undefined) return node['x-says']
  if (node['x-kind']) return QUANTITIES[node['x-kind']]
  if (node.anyOf) {
    const said = [...new Set(node.anyOf.map(saysOf))]
    return said.length < 2
      ? (said[0] ?? 'a value')
      : `${said.slice(0, -1).join(', ')} or ${said.at(-1)}`
  }
  if (node.enum)
    return node.enum.length === 1 ? `${node.enum[0]}` : `one of ${node.enum.join(', ')}`
  if ('const' in node) return String(node.const)
  switch (node.type) {
    case 'object':
      return 'a map'
    case 'array':
      return 'a list'
    case 'boolean':
      return 'true or false'
    case 'integer':
      return `a whole number from ${node.minimum} to ${node.maximum}`
    case 'number':
      return `a number from ${node.minimum} to ${node.maximum}`
    case 'null':
      return 'null'
    default:
      return node.maxLength === undefined
        ? 'a string'
        : `a string of ${node.minLength ?? 0} to ${node.maxLength} characters`
  }
}

/** A value as a person wrote it, short and on one line, without user and password of a URL. */
export function show(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a map'
  if (typeof value !== 'string') return String(value)
  const plain = withoutUser(value)
  return JSON.stringify(plain.length > 80 ? `${plain.slice(0, 80)}…` : plain)
}
