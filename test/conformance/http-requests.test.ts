/**
 * Every raw request case of the data listener through real sockets: what the client gets, what the upstream
 * sees, and that the process serves on.
 */
import t, { type Test as Tap } from 'tap'
import { DEMO_START, demoConfig, type RequestCase, requestCases } from '../helpers/raw-cases.ts'
import { answerOk, headerOf, type RecordedRequest, startRecorder } from '../helpers/recorder.ts'
import { barrier, type CaseResult, runRequestCase } from '../helpers/request-case.ts'
import { startSluice } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'

/** Cases whose bytes hold more than one request; everything else gets one answer at most. */
const PIPELINED: Readonly<Record<string, number>> = {
  'pipe-bad-second': 2,
  'pipe-cl0-post': 2,
  'pipe-500': 500
}

t.setTimeout(300_000)
const recorder = await startRecorder()
const sluice = await startSluice(demoConfig(recorder.url), { t, ...DEMO_START })
t.teardown(() => recorder.close())
const port = Number(new URL(sluice.dataUrl).port)
const cases = requestCases()

const slow = await runSlowOnes()
for (const c of cases) {
  t.test(`${sentence(c)} when it is sent ${c.what} (${c.id})`, async t => {
    const result = slow.get(c.id) ?? (await run(c))
    checkClient(t, c, result)
    await checkUpstream(t, c, result)
    if (c.id === 'pipe-500') checkOrder(t, result)
    t.equal(sluice.logs().filter(l => l.level === 60).length, 0, 'nothing fatal in the log')
  })
}

t.test('serves on when all 216 cases are over', async t => {
  t.equal(cases.length, 216)
  await barrier(port)
  const healthy = await fetch(new URL('/healthz', sluice.adminUrl))
  t.equal(healthy.status, 200)
  t.same(recorder.violations, [], 'every byte upstream belonged to a request')
})

/** Those that wait for a limit of time, all at once; told apart at the recorder by their Content-Length. */
async function runSlowOnes(): Promise<ReadonlyMap<string, CaseResult>> {
  const held = cases.filter(c => c.timing === 'hold')
  const lengths = new Map(held.map(c => [c.id, lengthIn(c)]))
  const known = new Set(lengths.values())
  recorder.behave({
    onHead: (r, socket) => headerOf(r, 'content-length') === '100000' && answerOk(r, socket),
    onRequest: (r, socket) => headerOf(r, 'content-length') !== '100000' && answerOk(r, socket)
  })
  const run = async (c: RequestCase) => {
    const own = (r: RecordedRequest) => {
      const length = headerOf(r, 'content-length') ?? ''
      return length === lengths.get(c.id) || !known.has(length)
    }
    return [c.id, await runRequestCase(c, port, recorder, own)] as const
  }
  const results = new Map(await Promise.all(held.map(run)))
  recorder.behave({ onRequest: answerOk })
  return results
}

async function run(c: RequestCase): Promise<CaseResult> {
  if (c.id !== 'split-garbage-midstream') return runRequestCase(c, port, recorder)
  recorder.behave({
    onRequest: (r, socket) => {
      if (r.head.includes('barrier=')) return answerOk(r, socket)
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n')
      socket.write('Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n')
    }
  })
  const result = await runRequestCase(c, port, recorder)
  recorder.behave({ onRequest: answerOk })
  return result
}

function checkClient(t: Tap, c: RequestCase, result: CaseResult): void {
  const { answers, status, end } = result
  t.ok(c.expect.status.includes(status), `status ${status} is one of ${c.expect.status.join(', ')}`)
  t.ok(answers.final.length <= (PIPELINED[c.id] ?? 1), `${answers.final.length} answers`)
  t.equal(answers.garbage.toString('latin1'), '', 'nothing but answers on the connection')
  if (c.expect.close === true) t.not(end, 'open', 'the connection is closed')
  if (c.timing === 'hold') t.not(end, 'open', 'the server ends the connection')
  if (c.id !== 'split-garbage-midstream') {
    t.ok(
      answers.final.every(a => a.complete),
      'every answer is complete'
    )
    return
  }
  t.notMatch(
    answers.final[0]?.body.toString('latin1') ?? '',
    'HTTP/1.1',
    'nothing of ours in the body'
  )
  t.equal(answers.final[0]?.complete, false, 'the stream is seen to be broken')
}

async function checkUpstream(t: Tap, c: RequestCase, result: CaseResult): Promise<void> {
  const { forwarded, status } = result
  const aborted = c.note?.includes('MUST be aborted') === true
  if (c.expect.forwarded === true) t.ok(forwarded.length > 0, 'reached the upstream')
  if (c.expect.forwarded === false && !aborted) {
    t.equal(forwarded.length, 0, 'no byte reached the upstream')
  }
  if (c.upstream_must_not_complete === true || (c.expect.forwarded === false && aborted)) {
    await until('the upstream to see its request cut', () => forwarded.every(r => r.cut !== null))
    t.notOk(
      forwarded.some(r => r.complete),
      'the upstream never saw a complete request'
    )
  }
  const lines = forwarded.flatMap(r => r.raw.toString('latin1').toLowerCase().split('\r\n'))
  for (const absent of c.expect.upstream_absent_headers ?? []) {
    t.notOk(
      lines.some(l => l.startsWith(absent.toLowerCase())),
      `the upstream did not see "${absent}"`
    )
  }
  for (const present of c.expect.upstream_present ?? []) {
    t.ok(
      lines.some(l => l.startsWith(present.toLowerCase())),
      `the upstream saw "${present}"`
    )
  }
  if (c.expect.upstream_requests !== undefined) {
    t.equal(forwarded.length, c.expect.upstream_requests, 'as many requests upstream as stated')
  }
  if (status === 200 && forwarded.length === 1) checkBytes(t, result, forwarded[0])
}

/** What passes, passes unchanged: the target, and a body that came with a length. */
function checkBytes(t: Tap, { sent }: CaseResult, request?: RecordedRequest): void {
  const headEnd = sent.indexOf('\r\n\r\n')
  const [line = '', ...fields] = sent.toString('latin1', 0, headEnd).trimStart().split('\r\n')
  const target = line.split(' ')[1] ?? ''
  if (target.startsWith('/'))
    t.equal(request?.head.split(' ')[1], target, 'the target is as received')
  const length = fields.find(f => /^content-length:/i.test(f))?.slice(15)
  if (length === undefined || request === undefined || !request.complete) return
  const body = sent.subarray(headEnd + 4, headEnd + 4 + Number(length))
  t.ok(body.equals(request.body), 'the body is as received, byte for byte')
}

function checkOrder(t: Tap, { answers }: CaseResult): void {
  const sequences = answers.final
    .filter(a => a.status === 200)
    .map(a => Number(/"sequence":(\d+)/.exec(a.body.toString())?.[1]))
  const sorted = sequences.every((s, i) => i === 0 || s > Number(sequences[i - 1]))
  t.ok(sorted, 'answered in order, one after the other')
}

function lengthIn(c: RequestCase): string {
  const text = Buffer.from(c.raw_request_base64 ?? '', 'base64').toString('latin1')
  return /content-length: (\d+)/i.exec(text)?.[1] ?? 'none'
}

function sentence(c: RequestCase): string {
  const status = c.expect.status.map(s => (s === 0 ? 'a closed connection' : `${s}`)).join(' or ')
  const forwarded = c.expect.forwarded === false ? ' and forwards nothing' : ''
  return `answers ${status}${forwarded}`
}
