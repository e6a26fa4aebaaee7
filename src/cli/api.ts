/**
 * The admin API as the CLI sees it: one request, one answer, nothing repeated.
 *
 * A change whose answer does not come is reported as unknown (exit code 3) and is not sent again: the caller
 * looks first. Answers that are no JSON of ours, or not the document that was asked for, mean that somebody else
 * listens there.
 */
import http from 'node:http'
import https from 'node:https'
import { fail, type SluiceError } from '../errors.ts'
import type { Expected } from './answers.ts'
import { EXIT } from './exit.ts'
import type { Token } from './token.ts'

const ANSWER_LIMIT = 64 * 1024 * 1024 // bytes

export type Call = {
  readonly method?: 'GET' | 'PUT' | 'POST'
  readonly body?: unknown
  readonly ifMatch?: string
}

export type Answer<T> = {
  readonly status: number
  readonly etag: string | null
  readonly body: T
}

export type Api = {
  readonly base: string
  /**
   * An answer with a 2xx status and the document that is expected. Throws: 4 unreachable, not allowed or not an
   * admin API, 3 no answer in time, 1 refused.
   */
  call<T>(path: string, expected: Expected<T>, call?: Call): Promise<Answer<T>>
  /** Any answer of a root path, which needs no token. */
  probe(path: string): Promise<{ readonly status: number; readonly text: string }>
}

export type ApiOptions = {
  readonly base: string // URL of the admin listener
  readonly token: () => Token
  readonly timeoutMs: number
}

/** Throws SLC_CLI_USAGE when `base` is no http or https URL. */
export function apiAt({ base, token, timeoutMs }: ApiOptions): Api {
  const url = baseUrl(base)
  const at = (path: string) => new URL(url.pathname.replace(/\/$/, '') + path, url)
  return {
    base: url.origin,
    async call(path, expected, call = {}) {
      const body = call.body === undefined ? null : JSON.stringify(call.body)
      const { value, source } = token()
      const headers = {
        accept: 'application/json',
        authorization: `Bearer ${value}`,
        ...(call.ifMatch === undefined ? {} : { 'if-match': call.ifMatch }),
        ...(body === null ? {} : { 'content-type': 'application/json' })
      }
      const method = call.method ?? 'GET'
      const answer = await request(at(path), { method, headers, body, timeoutMs })
      const { status, etag } = answer
      const parsed = parse(answer, url.origin)
      if (status >= 200 && status < 300) {
        if (!expected(parsed)) throw stranger(url.origin, status)
        return { status, etag, body: parsed }
      }
      if (answer.proxied || !hasCode(parsed)) throw stranger(url.origin, status)
      if (status === 401) throw tokenRefused(url.origin, source, parsed)
      throw refusal(status, parsed)
    },
    probe: path => request(at(path), { method: 'GET', headers: {}, body: null, timeoutMs })
  }
}

type Request = {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  readonly timeoutMs: number
}

type RawAnswer = {
  readonly status: number
  readonly etag: string | null
  readonly proxied: boolean // refused by the data listener of a router, which is no admin API
  readonly text: string
}

function request(url: URL, { method, headers, body, timeoutMs }: Request): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    let connected = false
    const send = url.protocol === 'https:' ? https.request : http.request
    const req = send(url, {
      method,
      agent: false,
      headers: body === null ? headers : { ...headers, 'content-length': Buffer.byteLength(body) }
    })
    const timer = setTimeout(() => {
      reject(
        connected ? timedOut(url, timeoutMs, method) : unreachable(url, 'no connection in time')
      )
      req.destroy()
    }, timeoutMs)
    const failed = (error: Error) => {
      clearTimeout(timer)
      reject(connected && method !== 'GET' ? unknownEnd(url) : unreachable(url, reasonOf(error)))
    }
    req.on('socket', socket => socket.once('connect', () => (connected = true)))
    req.on('error', failed)
    req.on('response', res => {
      const chunks: Buffer[] = []
      let size = 0
      res.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > ANSWER_LIMIT) res.destroy(new Error('its answer is too large'))
        else chunks.push(chunk)
      })
      res.on('error', failed)
      res.on('end', () => {
        clearTimeout(timer)
        const text = Buffer.concat(chunks).toString()
        const { etag = null, 'proxy-status': proxy = '' } = res.headers
        const proxied = /^sluice\b/.test(String(proxy))
        resolve({ status: res.statusCode ?? 0, etag, proxied, text })
      })
    })
    req.end(body ?? undefined)
  })
}

function baseUrl(base: string): URL {
  const url = URL.canParse(base) ? new URL(base) : null
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '') {
    throw fail(
      'SLC_CLI_USAGE',
      [`"${base}" is not the URL of an admin API, as http://127.0.0.1:9911.`, 'sluice help'],
      { exit: EXIT.usage }
    )
  }
  return url
}

/** JSON that an admin API could have sent: its documents are objects and lists. */
function parse({ text, status }: RawAnswer, base: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value
  } catch {}
  throw stranger(base, status)
}

function stranger(base: string, status: number): SluiceError {
  return fail('SLC_CLI_ANSWER', [base, status], { exit: EXIT.noAccess })
}

function hasCode(problem: unknown): boolean {
  return isRecord(problem) && typeof problem.code === 'string' && problem.code.startsWith('SLC_')
}

/** What the API says of a missing token is for who writes the request himself; here it was sent. */
function tokenRefused(base: string, source: string, problem: unknown): SluiceError {
  const code = isRecord(problem) ? String(problem.code) : ''
  const details = { exit: EXIT.noAccess, status: 401, problem }
  return fail('SLC_CLI_TOKEN_REFUSED', [base, source, code], details)
}

/** Codes of 503 that say that nothing was changed. */
const NOTHING_DONE: readonly string[] = ['SLC_STATE_UNKNOWN', 'SLC_STORE_UNREACHABLE']

/** What problem+json says, with the exit code that its status means. */
function refusal(status: number, problem: unknown): SluiceError {
  const { code, detail, title } = isRecord(problem) ? problem : {}
  const sentence = [detail, title].find(text => typeof text === 'string') ?? `status ${status}`
  const noAccess = [403, 421, 429].includes(status)
  const inconclusive = status === 503 && !NOTHING_DONE.includes(String(code))
  const exit = noAccess ? EXIT.noAccess : inconclusive ? EXIT.inconclusive : EXIT.negative
  return fail('SLC_CLI_REFUSED', [String(sentence), String(code ?? status)], {
    exit,
    status,
    problem
  })
}

function unreachable(url: URL, reason: string): SluiceError {
  return fail('SLC_CLI_UNREACHABLE', [url.origin, reason], { exit: EXIT.noAccess })
}

function timedOut(url: URL, timeoutMs: number, method: string): SluiceError {
  if (method !== 'GET') return unknownEnd(url)
  return fail('SLC_CLI_TIMEOUT', [url.origin, timeoutMs], { exit: EXIT.inconclusive })
}

function unknownEnd(url: URL): SluiceError {
  return fail('SLC_CLI_UNKNOWN', [url.origin], { exit: EXIT.inconclusive })
}

function reasonOf(error: Error & { code?: unknown }): string {
  if (error.code === 'EPROTO') return 'EPROTO: it may speak http, not https'
  return typeof error.code === 'string' ? error.code : error.message
}

function isRecord(value: unknown): value is { readonly [key: string]: unknown } & {
  readonly code?: unknown
  readonly detail?: unknown
  readonly title?: unknown
} {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
