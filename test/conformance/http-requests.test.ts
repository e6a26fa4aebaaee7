/**
 * Every raw request case of the data listener through real sockets: what the client gets, what the upstream
 * sees, and that the process serves on.
 */
import t, { type Test as Tap } from 'tap'
import { DEMO_START, demoConfig, type RequestCase, requestCases } from '../helpers/raw-cases.ts'
import { answerOk, headerOf, type RecordedRequest, startRecorder } from '../helpers/recorder.ts'
import { barrier, type CaseResult, runRequestCase } from '../helpers/request-case.ts'
import { checkCase, sentence } from '../helpers/request-checks.ts'
import { startSluice } from '../helpers/sluice.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it
const recorder = await startRecorder()
const sluice = await startSluice(demoConfig(recorder.url), { t, ...DEMO_START })
t.teardown(() => recorder.close())
const port = Number(new URL(sluice.dataUrl).port)
const cases = requestCases()

const slow = await runSlowOnes()
for (const c of cases) {
  t.test(`${sentence(c)} when it is sent ${c.what} (${c.id})`, async t => {
    const result = slow.get(c.id) ?? (await run(c))
    await checkCase(t, c, result)
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
