/**
 * A load whose connections stay for the whole of a bench, so that what is measured in turns is measured over the
 * same connections. An open model: requests leave when their time has come, and one that finds every connection
 * busy waits for one, which is in its latency.
 *
 * A latency runs from the moment at which a request was due and this process knew it; that its own timer was late is
 * no time of the proxy's. A line on stdin is a command, answered by one line of JSON: `rate N` (requests a second),
 * `begin` (a window) and `end` (its figures, when its last request was answered), `stop`.
 */
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: '' },
    path: { type: 'string', default: '/' },
    connections: { type: 'string', default: '32' }
  }
})

const UNITS = 64
const ANSWERED_WITHIN = 20_000 // ms, for what is under way at the end
/** 200 bytes, the size of a small tabular prediction request. */
const BODY = JSON.stringify({
  inputs: [{ name: 'x', shape: [1, 8], datatype: 'FP32', data: Array(8).fill(0.125) }],
  parameters: { pad: 'p'.repeat(75) }
})
const REQUESTS = Array.from({ length: UNITS }, (_, i) =>
  Buffer.from(
    `POST ${values.path} HTTP/1.1\r\nHost: router.test\r\nContent-Type: application/json\r\nX-User-Id: user-${i}\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`
  )
)

type Asked = { readonly since: number; readonly window: Window | null }
type Window = { times: number[]; failures: number; open: number; ended: (() => void) | null }
type Connection = { readonly socket: Socket; asked: Asked | null; text: string }

const { hostname, port } = new URL(values.url)
const idle: Connection[] = []
const waiting: Asked[] = []
const totals = { sent: 0, answered: 0, failures: 0, connects: 0 }
let window: Window | null = null
let rate = 0
let due = performance.now()
let timer: NodeJS.Timeout | undefined

await Promise.all(Array.from({ length: Number(values.connections) }, open))
console.log(JSON.stringify({ ready: true }))
createInterface({ input: process.stdin }).on('line', line => void obey(line))

async function obey(line: string): Promise<void> {
  const [word, number = '0'] = line.split(' ')
  if (word === 'rate') {
    rate = Number(number)
    due = performance.now()
    tick()
  } else if (word === 'begin') window = { times: [], failures: 0, open: 0, ended: null }
  else if (word === 'end' && window !== null) {
    const closing = window
    window = null
    if (closing.open > 0) await new Promise<void>(resolve => (closing.ended = resolve))
    console.log(JSON.stringify({ ...figuresOf(closing), ...totals }))
    return
  } else if (word === 'stop') {
    rate = 0
    clearTimeout(timer)
    const end = performance.now() + ANSWERED_WITHIN
    while (totals.answered + totals.failures < totals.sent && performance.now() < end) {
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    totals.failures = totals.sent - totals.answered // one that is not answered by now never will be
  }
  console.log(JSON.stringify(totals))
}

function tick(): void {
  clearTimeout(timer)
  if (rate === 0) return
  const now = performance.now()
  for (; due <= now; due += (-Math.log(1 - Math.random()) * 1000) / rate) ask(now)
  timer = setTimeout(tick, Math.max(0, due - performance.now()))
}

function ask(now: number): void {
  if (window !== null) window.open++
  totals.sent++
  const asked = { since: now, window }
  const free = idle.shift() // in turns, so that none is idle for so long that it is closed
  if (free === undefined) waiting.push(asked)
  else send(free, asked)
}

function send(connection: Connection, asked: Asked): void {
  connection.asked = asked
  connection.text = ''
  connection.socket.write(REQUESTS[totals.sent % UNITS] ?? '')
}

function open(): Promise<void> {
  totals.connects++
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  const connection: Connection = { socket, asked: null, text: '' }
  socket.on('data', chunk => {
    if (connection.asked === null) {
      socket.destroy() // bytes that nobody asked for
      return
    }
    connection.text += chunk.toString('latin1')
    const status = statusOf(connection.text)
    if (status > 0) finish(connection, status === 200)
  })
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    const at = idle.indexOf(connection)
    if (at >= 0) idle.splice(at, 1)
    if (connection.asked !== null) end(connection.asked, false)
    connection.asked = null
    setTimeout(open, 100)
  })
  return new Promise(resolve => {
    socket.on('connect', () => {
      release(connection)
      resolve()
    })
  })
}

function finish(connection: Connection, good: boolean): void {
  const { asked } = connection
  connection.asked = null
  if (asked !== null) end(asked, good)
  release(connection)
}

function release(connection: Connection): void {
  const next = waiting.shift()
  if (next === undefined) idle.push(connection)
  else send(connection, next)
}

function end({ since, window: own }: Asked, good: boolean): void {
  if (good) totals.answered++
  else totals.failures++
  if (own === null) return
  if (good) own.times.push(performance.now() - since)
  else own.failures++
  own.open--
  if (own.open === 0) own.ended?.()
}

/** Status of the answer when all of it is there, otherwise 0. */
function statusOf(text: string): number {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return 0
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end + 2))
  if (length === null) return 599 // no answer of the bench's upstreams
  return text.length >= end + 4 + Number(length[1]) ? Number(text.slice(9, 12)) : 0
}

function figuresOf({ times, failures }: Window) {
  const sorted = Float64Array.from(times).sort()
  const at = (q: number) => sorted[Math.max(0, Math.ceil(sorted.length * q) - 1)] ?? Number.NaN
  return { requests: times.length + failures, failed: failures, p50: at(0.5), p99: at(0.99) }
}
