/**
 * Mutators of HTTP/1.1 bytes: those that parsers have fallen for (line ends, framing fields, numbers, splices of
 * two messages), beside blind ones (flip, delete, repeat).
 */
import type { Random } from './random.ts'

const PIECES = [
  ...[
    '\r\n',
    '\n',
    '\r',
    '\r\n\r\n',
    '\0',
    ' ',
    '\t',
    ':',
    ',',
    ';',
    '%',
    '%2e',
    '%2f',
    '%00',
    '\\',
    '/'
  ],
  ...[
    '/../',
    '/./',
    '#',
    '?',
    '"',
    '\x0b',
    '\x0c',
    '\x7f',
    '\xa0',
    '\xff',
    '_',
    '-',
    '0',
    '+',
    '0x'
  ],
  ...[
    'HTTP/1.1',
    'HTTP/1.0',
    'HTTP/2.0',
    'chunked',
    'identity',
    'gzip',
    'close',
    'upgrade',
    '0\r\n\r\n'
  ],
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding : chunked\r\n',
  'transfer-encoding:\tchunked\r\n',
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\n',
  'Content_Length: 7\r\n',
  'Host: evil.test\r\n',
  'Connection: close, X-User-Id\r\n',
  'Connection: Content-Length\r\n',
  'Expect: 100-continue\r\n',
  'X-Sluice-Variant: canary\r\n',
  'X-User-Id: other\r\n',
  'Upgrade: websocket\r\nConnection: upgrade\r\n',
  'Trailer: X-T\r\n',
  '5\r\nhello\r\n',
  'GET /v1/predict?smuggled HTTP/1.1\r\nHost: router.test\r\nX-User-Id: s\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'
].map(text => Buffer.from(text, 'latin1'))

type Mutator = (bytes: Buffer, r: Random, other: () => Buffer) => Buffer

const MUTATORS: readonly Mutator[] = [
  flip,
  insertPiece,
  insertPiece,
  insertAtLine,
  insertAtLine,
  remove,
  repeat,
  splice,
  swapLines,
  changeNumber,
  changeCase,
  truncate
]

/** Applies 1 or 2 mutators; `other` gives another message to splice with. */
export function mutate(bytes: Buffer, r: Random, other: () => Buffer): Buffer {
  let result = bytes
  for (let n = 1 + r.below(2); n > 0; n--) result = r.pick(MUTATORS)(result, r, other)
  return result
}

function flip(bytes: Buffer, r: Random): Buffer {
  if (bytes.length === 0) return bytes
  const copy = Buffer.from(bytes)
  const at = r.below(copy.length)
  copy[at] = r.chance(0.5) ? (copy[at] ?? 0) ^ (1 << r.below(8)) : r.below(256)
  return copy
}

function insertPiece(bytes: Buffer, r: Random): Buffer {
  return insert(bytes, r.below(bytes.length + 1), r.pick(PIECES))
}

/** Whole fields only make sense where a line starts. */
function insertAtLine(bytes: Buffer, r: Random): Buffer {
  const starts = lineStarts(bytes)
  return insert(bytes, starts.length === 0 ? 0 : r.pick(starts), r.pick(PIECES))
}

function remove(bytes: Buffer, r: Random): Buffer {
  const from = r.below(bytes.length + 1)
  const length = 1 + r.below(r.chance(0.7) ? 4 : 40)
  return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + length)])
}

function repeat(bytes: Buffer, r: Random): Buffer {
  const from = r.below(bytes.length + 1)
  const part = bytes.subarray(from, from + 1 + r.below(60))
  return insert(bytes, from, Buffer.concat(Array(1 + r.below(8)).fill(part)))
}

function splice(bytes: Buffer, r: Random, other: () => Buffer): Buffer {
  const tail = other()
  return Buffer.concat([
    bytes.subarray(0, r.below(bytes.length + 1)),
    tail.subarray(r.below(tail.length + 1))
  ])
}

function swapLines(bytes: Buffer, r: Random): Buffer {
  const lines = bytes.toString('latin1').split('\r\n')
  const [a, b] = [r.below(lines.length), r.below(lines.length)]
  const first = lines[a] ?? ''
  lines[a] = lines[b] ?? ''
  lines[b] = first
  return Buffer.from(lines.join('\r\n'), 'latin1')
}

function changeNumber(bytes: Buffer, r: Random): Buffer {
  const text = bytes.toString('latin1')
  const numbers = [...text.matchAll(/\d+/g)]
  if (numbers.length === 0) return bytes
  const found = r.pick(numbers)
  const n = Number(found[0])
  const value = r.pick([
    n + 1,
    n - 1,
    -n,
    n * 2,
    0,
    2 ** 31,
    2 ** 53,
    1e21,
    `0${n}`,
    `${n},${n}`,
    'x'
  ])
  const at = found.index
  return Buffer.from(`${text.slice(0, at)}${value}${text.slice(at + found[0].length)}`, 'latin1')
}

function changeCase(bytes: Buffer, r: Random): Buffer {
  const copy = Buffer.from(bytes)
  for (let n = 0; n < 6 && copy.length > 0; n++) {
    const at = r.below(copy.length)
    const code = copy[at] ?? 0
    if ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a) copy[at] = code ^ 0x20
  }
  return copy
}

function truncate(bytes: Buffer, r: Random): Buffer {
  return bytes.subarray(0, r.below(bytes.length + 1))
}

function insert(bytes: Buffer, at: number, part: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)])
}

function lineStarts(bytes: Buffer): readonly number[] {
  const starts: number[] = []
  for (let at = bytes.indexOf('\r\n'); at >= 0; at = bytes.indexOf('\r\n', at + 2)) {
    starts.push(at + 2)
  }
  return starts
}
