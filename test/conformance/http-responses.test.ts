/**
 * Every raw answer of an upstream through real sockets: what the client sees of it, whether a broken end stays
 * visible, and as what the request is counted.
 */
import type { Socket } from 'node:net'
import t, { type Test as Tap } from 'tap'
import { type Answers, fieldOf, readAnswers } from '../helpers/answers.ts'
import { samplesOf, sumBy } from '../helpers/metrics.ts'
import { DEMO_START, demoConfig, type ResponseCase, responseCases } from '../helpers/raw-cases.ts'
import { type End, rawClient } from '../helpers/raw-client.ts'
import { answerOk, type RecordedRequest, startRecorder } from '../helpers/recorder.ts'
import { barrier, seen } from '../helpers/request-case.ts'
import { startSluice } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'

const FAILURES = ['upstream_error', 'connect', 'timeout', 'reset', 'invalid']
/** Answers that come before the request's body was read need a request with a body that is not there yet. */
const EARLY = 'early-413'

type Seen = {
  readonly answers: Answers
  readonly end: End
  readonly hits: number // requests upstream
  readonly outcomes: readonly string[]
}

t.setTimeout(400_000) // ends a hung run; nothing is measured by it
const recorder = await startRecorder()
const sluice = await startSluice(demoConfig(recorder.url, { timeouts: { firstByte: '2s' } }), {
  t,
  ...DEMO_START
})
t.teardown(() => recorder.close())
const port = Number(new URL(sluice.dataUrl).port)
const cases = responseCases()

for (const c of cases) {
  t.test(`${sentence(c)} when the upstream sends: ${c.what} (${c.id})`, async t => {
    const result = await run(c)
    const [answer, ...more] = result.answers.final
    const status = answer?.status ?? 0
    t.ok(c.expect.client_status.includes(status), `status ${status}`)
    t.same(more, [], 'one answer')
    t.equal(result.answers.garbage.toString('latin1'), '', 'nothing behind the answer')
    if (c.expect.clean_end) {
      t.equal(answer?.complete, true, 'the answer is complete')
    } else {
      t.equal(answer?.complete, false, 'the answer is seen to be incomplete')
      t.not(result.end, 'open', 'the connection is broken')
    }
    t.equal(result.hits, 1, 'one request upstream')
    t.equal(result.outcomes.length, 1, `counted once (${result.outcomes})`)
    const counted = FAILURES.includes(result.outcomes[0] ?? '') ? 'error' : 'ok'
    if (c.expect.counted_as === 'ok' || c.expect.counted_as === 'error') {
      t.equal(counted, c.expect.counted_as, `outcome ${result.outcomes[0]}`)
    }
    MORE[c.id]?.(t, result)
    await settled()
    await serves()
  })
}

t.test('serves on when all 37 cases are over', async t => {
  t.equal(cases.length, 37)
  await serves()
  const healthy = await fetch(new URL('/healthz', sluice.adminUrl))
  t.equal(healthy.status, 200)
  t.equal(sluice.logs().filter(l => l.level === 60).length, 0, 'nothing fatal in the log')
})

let sent = 0

/** A normal request is answered; its connection upstream ends with it. */
async function serves(): Promise<void> {
  recorder.behave({
    onRequest(request, socket) {
      answerOk(request, socket)
      socket.end()
    }
  })
  sent += 1
  await barrier(port)
  await settled()
}

/**
 * Nothing of what went before is under way: an upstream connection that its case still ends would be taken for
 * the next request, and a count that is still to come would be taken for the next case's.
 */
async function settled(): Promise<void> {
  await until('no connection to be open upstream', () => recorder.open() === 0)
  await until('every request to be counted once', async () => {
    const counted = Object.values(await outcomes())
    return counted.reduce((sum, n) => sum + n, 0) === sent
  })
}

async function run(c: ResponseCase): Promise<Seen> {
  const before = await outcomes()
  const from = recorder.requests.length
  const play = (_: RecordedRequest, socket: Socket) => playBack(c, socket)
  recorder.behave(c.id === EARLY ? { onHead: play } : { onRequest: play })
  const client = await rawClient(port)
  sent += 1
  client.send(requestFor(c))
  const over = () => {
    const [answer] = readAnswers(client.bytes(), client.end()).final
    return answer?.complete === true || client.end() !== 'open'
  }
  await client.until(over)
  const counted = await until('the request to be counted', async () => {
    const now = await outcomes()
    const more = Object.entries(now).flatMap(([outcome, n]) =>
      Array<string>(n - (before[outcome] ?? 0)).fill(outcome)
    )
    return more.length > 0 && more
  })
  const end = client.end()
  client.close()
  const answers = readAnswers(client.bytes(), end)
  return { answers, end, hits: seen(recorder, from).length, outcomes: counted }
}

function requestFor(c: ResponseCase): string {
  const head = 'Host: router.test\r\nX-User-Id: u-1\r\n'
  if (c.id !== EARLY) return `GET /v1/predict HTTP/1.1\r\n${head}\r\n`
  return `POST /v1/predict HTTP/1.1\r\n${head}Content-Length: 100000\r\n\r\n0123456789`
}

function playBack(c: ResponseCase, socket: Socket): void {
  if (c.raw_response_base64 !== null) socket.write(Buffer.from(c.raw_response_base64, 'base64'))
  const timer = setTimeout(() => {
    if (c.then === 'rst') socket.resetAndDestroy()
    else socket.end()
  }, c.hold_ms)
  socket.once('close', () => clearTimeout(timer))
}

async function outcomes(): Promise<Readonly<Record<string, number>>> {
  const base = sluice.telemetryUrl ?? sluice.adminUrl
  return sumBy(await samplesOf(base, 'sluice_requests_total'), 'outcome')
}

/** What a case says in words beside its figures. */
const MORE: Readonly<Record<string, (t: Tap, result: Seen) => void>> = {
  'hop-by-hop': (t, { answers }) => {
    const names = answers.final[0]?.fields.map(([name]) => name) ?? []
    for (const name of ['x-int', 'proxy-connection', 'upgrade']) t.notOk(names.includes(name), name)
    t.not(fieldOf(answerOf(answers), 'keep-alive'), 'timeout=99')
  },
  'trailer-cl': (t, { answers }) => t.equal(fieldOf(answerOf(answers), 'trailer'), undefined),
  'extra-bytes': (t, { answers }) => t.equal(answerOf(answers).body.toString(), 'ok'),
  'hdr-setcookie-2': (t, { answers }) => {
    const cookies = answerOf(answers).fields.filter(([name]) => name === 'set-cookie')
    t.same(
      cookies.map(([, value]) => value),
      ['a=1', 'b=2']
    )
  },
  'hdr-proto': (t, { answers }) => {
    t.equal(fieldOf(answerOf(answers), '__proto__'), 'x')
    t.equal(fieldOf(answerOf(answers), 'constructor'), 'y')
  },
  '503-retry': (t, { answers }) => t.equal(fieldOf(answerOf(answers), 'retry-after'), '120'),
  'eof-body-fin': (t, { answers }) => t.equal(answerOf(answers).body.toString(), 'hello')
}

function answerOf(answers: Answers): Answers['final'][number] {
  const [answer] = answers.final
  if (answer === undefined) throw new Error('there is no answer')
  return answer
}

function sentence(c: ResponseCase): string {
  const end = c.expect.clean_end ? 'to its end' : 'with a visibly broken end'
  return `gives the client ${c.expect.client_status.join(' or ')} ${end}`
}
