/**
 * Checks what happened to a raw request case against everything that the case expects, and against what holds
 * for every case: readable answers, no more of them than requests, nothing changed on the way.
 */
import type { Test as Tap } from 'tap'
import type { RequestCase } from './raw-cases.ts'
import type { RecordedRequest } from './recorder.ts'
import type { CaseResult } from './request-case.ts'
import { until } from './until.ts'

/** Cases whose bytes hold more than one request; everything else gets one answer at most. */
const PIPELINED: Readonly<Record<string, number>> = {
  'pipe-bad-second': 2,
  'pipe-cl0-post': 2,
  'pipe-500': 500
}

export async function checkCase(t: Tap, c: RequestCase, result: CaseResult): Promise<void> {
  checkClient(t, c, result)
  await checkUpstream(t, c, result)
}

/** What a case expects, for the name of its test. */
export function sentence(c: RequestCase): string {
  const status = c.expect.status.map(s => (s === 0 ? 'a closed connection' : `${s}`)).join(' or ')
  const forwarded = c.expect.forwarded === false ? ' and forwards nothing' : ''
  return `answers ${status}${forwarded}`
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
