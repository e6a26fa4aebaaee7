/**
 * Requests from a grammar: mostly valid, each part sometimes from the edge of what is allowed or beyond.
 */
import type { Random } from './random.ts'

const METHODS = [
  'GET',
  'GET',
  'POST',
  'POST',
  'POST',
  'PUT',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'TRACE'
]
const PLAIN = ['/v1/predict', '/v1/predict?x=1', '/v1/predict/a', '/v1/predict/a%2Fb?y=%26']
const TARGETS = [
  ...['/v1/predict', '/v1/predict', '/v1/predict?x=1', '/v1/predict/a', '/v1/predict/a%2Fb'],
  ...['/v1/predict/../x', '/v1/predict/%2e%2e/x', '/v1//predict', '*', '/', '/v1/predict/a..b'],
  ...['http://router.test/v1/predict', 'http://other.test/v1/predict', '//router.test/v1/predict'],
  ...['/v1/predict/%252e%252e', '/v1/predict/%c0%ae', '/v1/predict?a=%zz', '/v1/predict/...']
]
const HOSTS = ['router.test:80', 'ROUTER.test', 'other.test', '', 'a b']
const FIELDS = [
  'Accept: */*',
  'X-A: b',
  'X-A:',
  'X-A: \t b \t',
  'x_a: b',
  'X-Long: '.padEnd(600, 'l'),
  'X-Obs: \xe9\xff',
  'Cookie: a=1; b=2',
  'Connection: keep-alive',
  'Connection: close',
  'Connection: X-A',
  'TE: trailers',
  'Upgrade: websocket',
  'Expect: 100-continue',
  'X-Forwarded-For: 10.0.0.1',
  'Via: 1.1 other',
  'Max-Forwards: 0',
  'X-Request-Id: 7',
  '__proto__: x',
  'constructor: y',
  'Content-Type: application/json',
  'Content-Type: text/x; a="',
  'Range: bytes=0-1',
  'Proxy-Authorization: Basic x'
]

export type Generated = {
  readonly bytes: Buffer
  readonly whole: boolean // its framing is right: a server has all of it and owes an answer
}

/** One request; its framing is right in nine of ten. */
export function generateRequest(r: Random): Generated {
  const lines = [
    `${r.pick(METHODS)} ${r.pick(r.chance(0.7) ? PLAIN : TARGETS)} HTTP/1.${r.chance(0.95) ? 1 : 0}`
  ]
  if (r.chance(0.97)) lines.push(`Host: ${r.chance(0.8) ? 'router.test' : r.pick(HOSTS)}`)
  if (r.chance(0.9)) lines.push(`X-User-Id: u-${r.below(50)}`)
  for (let n = r.below(4); n > 0; n--) lines.push(r.pick(FIELDS))
  const { field, body, whole } = framed(r)
  if (field !== '') lines.push(field)
  return { bytes: Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1'), whole }
}

function framed(r: Random): {
  readonly field: string
  readonly body: string
  readonly whole: boolean
} {
  const content = 'b'.repeat(r.below(80))
  const wrong = r.chance(0.1) ? r.below(9) - 4 : 0
  switch (r.below(4)) {
    case 0:
      return { field: '', body: '', whole: true }
    case 1:
    case 2:
      return {
        field: `Content-Length: ${content.length + wrong}`,
        body: content,
        whole: wrong === 0
      }
    default:
      return {
        field: 'Transfer-Encoding: chunked',
        body: chunks(content, wrong, r),
        whole: wrong === 0
      }
  }
}

function chunks(content: string, wrong: number, r: Random): string {
  let body = ''
  for (let at = 0; at < content.length; ) {
    const size = 1 + r.below(20)
    const part = content.slice(at, at + size)
    const extension = r.chance(0.1) ? ';e=1' : ''
    body += `${Math.max(0, part.length + wrong).toString(16)}${extension}\r\n${part}\r\n`
    at += size
  }
  const trailer = r.chance(0.1) ? 'X-Sum: 1\r\nX-User-Id: admin\r\n' : ''
  return `${body}0\r\n${trailer}\r\n`
}
