/**
 * The gate: whether a request head may be acted on, and the fields that go on to an upstream.
 *
 * It runs before anything else looks at a request, on the fields as received, because only there duplicates
 * show. One loop over the fields; no regular expression sees a byte of a client. A refusal is final: the
 * connection is closed and nothing is forwarded (RFC 9110 section 7.6, RFC 9112 sections 3, 6 and 11).
 */
import type { Reject } from '../domain/thread-region.ts'
import type { ErrorCode } from '../errors.ts'
import { FIELD, fieldClass } from './field-class.ts'
import { hostOf } from './host.ts'
import { type Target, targetOf } from './target.ts'

/** What a lane knows of a request before its body. Text is latin1, one character a byte. */
export type RawHead = {
  readonly method: string
  readonly target: string
  readonly version: string // '1.1'
  readonly rawHeaders: readonly string[]
}

/** A request head that is acted on. */
export type Head = {
  readonly kind: 'head'
  readonly method: string
  readonly http10: boolean
  readonly path: string
  readonly query: string
  readonly origin: string // path and query as received
  readonly host: string // lower case without port, '' for none
  readonly authority: string // Host or the target's authority as received, '' for none
  readonly absolute: boolean
  readonly fields: string[] // name, value, … that are forwarded as they are
  readonly nominated: readonly string[] | null // lower-case names that Connection takes out
  readonly folded: readonly string[] | null // dropped names with _ as others may read them
  readonly contentLength: number // -1 for none
  readonly chunked: boolean
  readonly expects: boolean // 100-continue
  readonly websocket: boolean
  readonly requestId: string // '' when the client sent none that is usable
  readonly forwardedFor: string // as received, joined; '' for none
  readonly forwardedProto: string
  readonly forwardedHost: string
  readonly ownForwarded: string[] // Forwarded, X-Real-IP and other X-Forwarded-*: for a trusted peer only
  readonly maxForwards: number // -1 for none; looked at for OPTIONS only
}

/** Why a request is not acted on. `answer` is what an OPTIONS for ourselves gets instead. */
export type Refusal = {
  readonly kind: 'refusal'
  readonly code: ErrorCode
  readonly args: readonly string[]
  readonly counted: Reject
}

export const MAX_REQUEST_LINE = 8000
export const MAX_FIELD = 8 * 1024
export const MAX_FIELDS_BYTES = 16 * 1024
export const MAX_FIELDS = 100

/** Reads the head of a request. `pseudonym` is our name in Via: seen there, the request loops. */
export function gate(raw: RawHead, pseudonym: string): Head | Refusal {
  const { version } = raw
  if (version !== '1.1' && version !== '1.0') return WRONG_VERSION
  if (raw.method.length + raw.target.length + LINE_REST > MAX_REQUEST_LINE) return LONG_LINE
  if (!METHODS.has(raw.method)) return refuse('SLC_METHOD', 'method', raw.method.slice(0, 32))
  const reader = new HeadReader(pseudonym)
  const refusal = reader.readFields(raw.rawHeaders)
  return refusal ?? reader.finish(raw)
}

/** Whether Connection or a name with _ touches a field that carries a unit; those are refused. */
export function touchesUnit(head: Head, unitFields: ReadonlySet<string>): boolean {
  return includesAny(head.nominated, unitFields) || includesAny(head.folded, unitFields)
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
export const ALLOW = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'
const LINE_REST = ' '.length + ' HTTP/1.1'.length

const ASTERISK: Target = { path: '*', query: '', origin: '*', host: null, authority: null }
const NO_NAMES: readonly string[] = []

/** Names that Connection may not take out: framing, identity, and what we decide by. */
const NEVER_NOMINATED = new Set([
  'host',
  'content-length',
  'transfer-encoding',
  'authorization',
  'cookie'
])
const NEVER_FOLDED = new Set(['host', 'content-length', 'transfer-encoding'])

class HeadReader {
  readonly #pseudonym: string
  #fields: string[] = []
  #hosts = 0
  #host = ''
  #lengths = 0
  #length = -1
  #codings = 0
  #chunked = false
  #nominated: string[] | null = null
  #folded: string[] | null = null
  #upgrades = false // Connection names Upgrade
  #upgrade = ''
  #expect = ''
  #requestId = ''
  #requestIds = 0
  #forwardedFor = ''
  #forwardedProto = ''
  #forwardedHost = ''
  #ownForwarded: string[] = NO_FORWARDED
  #maxForwards = -1

  constructor(pseudonym: string) {
    this.#pseudonym = pseudonym
  }

  readFields(raw: readonly string[]): Refusal | null {
    if (raw.length > 2 * MAX_FIELDS) return LARGE_HEAD
    let size = 0
    for (let i = 0; i + 1 < raw.length; i += 2) {
      const name = raw[i] as string // i is in bounds; the list is of pairs
      const value = raw[i + 1] as string
      const bytes = name.length + value.length + 4
      size += bytes
      if (bytes > MAX_FIELD || size > MAX_FIELDS_BYTES) return LARGE_HEAD
      const cls = fieldClass(name)
      if (cls === FIELD.plain) this.#fields.push(name, value)
      else if (cls !== FIELD.hop && cls !== FIELD.own) {
        const refusal = this.#special(cls, name, value)
        if (refusal !== null) return refusal
      }
    }
    return null
  }

  finish(raw: RawHead): Head | Refusal {
    const http10 = raw.version === '1.0'
    const framing = this.#framingFault(http10)
    if (framing !== null) return framing
    if (this.#hosts > 1) return bad('there is more than one Host field')
    if (this.#hosts === 0 && !http10) return bad('there is no Host field')
    const named = this.#hosts === 1 ? hostOf(this.#host) : ''
    if (named === null) return bad('the Host field is not valid')
    if (this.#expect !== '' && !http10 && this.#expect.toLowerCase() !== '100-continue') {
      return refuse('SLC_EXPECTATION', 'expectation')
    }
    if (this.#nominated !== null) this.#dropNominated(this.#nominated)
    const target = raw.target === '*' ? this.#asterisk(raw) : targetOf(raw.target)
    if (typeof target === 'string') return bad(target)
    return {
      kind: 'head',
      method: raw.method,
      http10,
      path: target.path,
      query: target.query,
      origin: target.origin,
      host: target.host ?? named,
      authority: target.authority ?? this.#host,
      absolute: target.host !== null,
      fields: this.#fields,
      nominated: this.#nominated,
      folded: this.#folded,
      contentLength: this.#length,
      chunked: this.#chunked,
      expects: this.#expect !== '' && !http10,
      websocket: this.#upgrades && !http10 && this.#upgrade.toLowerCase() === 'websocket',
      requestId: this.#requestIds === 1 ? this.#requestId : '',
      forwardedFor: this.#forwardedFor,
      forwardedProto: this.#forwardedProto,
      forwardedHost: this.#forwardedHost,
      ownForwarded: this.#ownForwarded,
      maxForwards: this.#maxForwards
    }
  }

  /** What Connection names is gone before ours is added, whoever would be believed. */
  #dropNominated(names: readonly string[]): void {
    this.#fields = without(this.#fields, names)
    this.#ownForwarded = without(this.#ownForwarded, names)
    if (names.includes('x-forwarded-for')) this.#forwardedFor = ''
    if (names.includes('x-forwarded-proto')) this.#forwardedProto = ''
    if (names.includes('x-forwarded-host')) this.#forwardedHost = ''
    if (names.includes('x-request-id')) this.#requestIds = 0
  }

  #asterisk(raw: RawHead): Target | string {
    return raw.method === 'OPTIONS' ? ASTERISK : 'the target * goes with OPTIONS alone'
  }

  #framingFault(http10: boolean): Refusal | null {
    if (this.#codings === 0) return null
    if (http10) return bad('Transfer-Encoding in an HTTP/1.0 request')
    if (this.#lengths > 0) return bad('Transfer-Encoding and Content-Length together')
    return null
  }

  #special(cls: number, name: string, value: string): Refusal | null {
    switch (cls) {
      case FIELD.host:
        this.#hosts++
        this.#host = value
        return null
      case FIELD.contentLength:
        return this.#readLength(value)
      case FIELD.transferEncoding:
        return this.#readCoding(value)
      case FIELD.connection:
        return this.#readConnection(value)
      case FIELD.via:
        this.#fields.push(name, value)
        return names(value, this.#pseudonym) ? refuse('SLC_LOOP', 'loop') : null
      case FIELD.expect:
        this.#expect = value === '' ? ' ' : joined(this.#expect, value)
        return null
      case FIELD.upgrade:
        this.#upgrade = joined(this.#upgrade, value)
        return null
      case FIELD.requestId:
        this.#requestIds++
        this.#requestId = isRequestId(value) ? value : ''
        return null
      case FIELD.maxForwards:
        this.#maxForwards = smallNumber(value)
        if (this.#maxForwards < 0) this.#fields.push(name, value)
        return null
      case FIELD.underscore:
        return this.#readUnderscore(name)
      default:
        this.#readForwarded(cls, name, value)
        return null
    }
  }

  #readForwarded(cls: number, name: string, value: string): void {
    if (cls === FIELD.forwardedFor) this.#forwardedFor = joined(this.#forwardedFor, value)
    else if (cls === FIELD.forwardedProto)
      this.#forwardedProto = joined(this.#forwardedProto, value)
    else if (cls === FIELD.forwardedHost) this.#forwardedHost = joined(this.#forwardedHost, value)
    else if (this.#ownForwarded === NO_FORWARDED) this.#ownForwarded = [name, value]
    else this.#ownForwarded.push(name, value)
  }

  #readLength(value: string): Refusal | null {
    if (this.#lengths++ > 0) return bad('there is more than one Content-Length')
    this.#length = digits(value)
    return this.#length < 0 ? bad('Content-Length is not a number') : null
  }

  #readCoding(value: string): Refusal | null {
    if (this.#codings++ > 0) return bad('there is more than one Transfer-Encoding')
    if (value.toLowerCase() !== 'chunked') {
      return refuse('SLC_NOT_IMPLEMENTED', 'not_implemented', 'a transfer coding beside chunked')
    }
    this.#chunked = true
    return null
  }

  #readConnection(value: string): Refusal | null {
    for (let start = 0; start <= value.length; ) {
      const comma = value.indexOf(',', start)
      const end = comma === -1 ? value.length : comma
      const token = value.slice(start, end).trim().toLowerCase()
      start = end + 1
      if (token === '' || token === 'close' || token === 'keep-alive') continue
      if (token === 'upgrade') this.#upgrades = true
      if (NEVER_NOMINATED.has(token) || token.startsWith('x-sluice-')) {
        return bad('Connection names a field that it may not')
      }
      this.#nominated ??= []
      this.#nominated.push(token)
    }
    return null
  }

  #readUnderscore(name: string): Refusal | null {
    const folded = name.toLowerCase().replaceAll('_', '-')
    if (NEVER_FOLDED.has(folded) || folded.startsWith('x-sluice-')) {
      return bad('a field name with _ that others read as another name')
    }
    this.#folded ??= []
    this.#folded.push(folded)
    return null
  }
}

const NO_FORWARDED: string[] = []

function refuse(code: ErrorCode, counted: Reject, ...args: string[]): Refusal {
  return { kind: 'refusal', code, args, counted }
}

function bad(reason: string): Refusal {
  return refuse('SLC_BAD_REQUEST', 'bad_request', reason)
}

const WRONG_VERSION = refuse('SLC_HTTP_VERSION', 'version')
const LONG_LINE = refuse('SLC_TARGET_TOO_LONG', 'uri_too_long')
const LARGE_HEAD = refuse('SLC_HEADERS_TOO_LARGE', 'headers_too_large')

function joined(before: string, value: string): string {
  return before === '' ? value : `${before}, ${value}`
}

function without(fields: readonly string[], names: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] as string // in bounds, as above
    if (!names.includes(name.toLowerCase())) kept.push(name, fields[i + 1] as string)
  }
  return kept
}

function includesAny(names: readonly string[] | null, set: ReadonlySet<string>): boolean {
  for (const name of names ?? NO_NAMES) if (set.has(name)) return true
  return false
}

/** Whether an element of a Via field is received by `pseudonym`: `1.1 name (comment)`. */
function names(via: string, pseudonym: string): boolean {
  if (!via.includes(pseudonym)) return false
  return via.split(',').some(element => element.trim().split(' ')[1] === pseudonym)
}

/** Digits alone, as a number; beyond 15 digits the largest safe one. -1 for anything else. */
function digits(value: string): number {
  if (value.length === 0) return -1
  let number = 0
  for (let i = 0; i < value.length; i++) {
    const digit = value.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return -1
    number = number * 10 + digit
  }
  return Math.min(number, Number.MAX_SAFE_INTEGER)
}

function smallNumber(value: string): number {
  return value.length > 10 ? -1 : digits(value)
}

const MAX_REQUEST_ID = 128

/** 1 to 128 letters, digits and `-_.:+/=~`: nothing that a log or a shell reads as more than text. */
function isRequestId(value: string): boolean {
  if (value.length === 0 || value.length > MAX_REQUEST_ID) return false
  for (let i = 0; i < value.length; i++) {
    const c = value.charCodeAt(i)
    const lower = c | 32
    const plain = (lower >= 97 && lower <= 122) || (c >= 48 && c <= 58) || (c >= 45 && c <= 47)
    if (!plain && c !== 95 && c !== 43 && c !== 61 && c !== 126) return false
  }
  return true
}
