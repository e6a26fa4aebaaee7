/**
 * Fuzzes the upstream's side with mutated answers: `node test/fuzz/responses.ts --count 20000 --seed 1`.
 *
 * Holds for every one: the process lives, the client gets one answer or a broken connection, never two; what an
 * upstream broke off never looks complete; a complete body passes byte for byte; nobody gets the answer of
 * another request; every request is counted once. The judge is the strict reader of the conformance tests.
 */
import type { Socket } from 'node:net'
import { type Answer, readAnswers } from '../helpers/answers.ts'
import { samplesOf } from '../helpers/metrics.ts'
import { responseCases } from '../helpers/raw-cases.ts'
import { rawClient } from '../helpers/raw-client.ts'
import { type RecordedRequest, targetOf } from '../helpers/recorder.ts'
import { until } from '../helpers/until.ts'
import {
  type FuzzOptions,
  type FuzzResult,
  runAsProgram,
  runBatches,
  type Totals
} from './batches.ts'
import { isMark, marked, markOf } from './mark.ts'
import { mutate } from './mutate.ts'
import { type Random, random } from './random.ts'

const TOGETHER = 64
const OURS = [502, 503, 504]

type Ending = 'fin' | 'rst' | 'keep'
type Trial = { readonly id: number; readonly bytes: Buffer; readonly ending: Ending }

/** Runs `count` trials against a fresh process; stops at the first round with a violation. */
export function fuzzResponses(options: FuzzOptions): Promise<FuzzResult> {
  const { seed } = options
  const trials = new Map<string, Trial>()
  return runBatches(options, {
    behaviour: { onRequest: (request, socket) => playBack(trials, request, socket) },
    route: { timeouts: { firstByte: '400ms', idle: '400ms', streamIdle: '400ms' } },
    together: TOGETHER,
    async batch(from, n, { port, recorder, totals }) {
      const batch = trialsFrom(from, n, seed)
      for (const trial of batch) trials.set(markOf(trial.id), trial)
      const faults = await Promise.all(batch.map(trial => play(trial, port, totals)))
      trials.clear()
      recorder.requests.length = 0
      return batch.flatMap((trial, i) => {
        const fault = faults[i] ?? null
        if (fault === null) return []
        const bytes = trial.bytes.toString('base64')
        return [`seed ${seed}, trial ${trial.id} (${trial.ending}): ${fault}: ${bytes}`]
      })
    },
    after: ({ sluice, totals }) =>
      until('every request to be counted once', async () => {
        const base = sluice.telemetryUrl ?? sluice.adminUrl
        const samples = await samplesOf(base, 'sluice_requests_total')
        return samples.reduce((sum, s) => sum + s.value, 0) === totals.sent
      })
  })
}

function trialsFrom(from: number, n: number, seed: number): readonly Trial[] {
  return Array.from({ length: n }, (_, i) => {
    const id = from + i
    const r = random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(id + 1, 0xc2b2ae35))
    const base = marked(pickBase(r), id)
    const ending = r.pick<Ending>(['fin', 'fin', 'rst', 'keep'])
    return { id, ending, bytes: r.chance(0.9) ? mutate(base, r, () => pickBase(r)) : base }
  })
}

let corpus: readonly Buffer[] | null = null

function pickBase(r: Random): Buffer {
  corpus ??= responseCases()
    .flatMap(c => (c.raw_response_base64 === null ? [] : [c.raw_response_base64]))
    .map(base64 => Buffer.from(base64, 'base64'))
    .filter(bytes => bytes.length < 8192)
  return r.chance(0.6) ? r.pick(corpus) : generate(r)
}

function generate(r: Random): Buffer {
  const status = r.pick([200, 200, 200, 201, 204, 206, 301, 304, 400, 404, 429, 500, 503])
  const fields = [
    'Content-Type: application/json',
    'X-A: b',
    'Set-Cookie: a=1',
    'Date: x',
    'Vary: *'
  ]
  const lines = [`HTTP/1.1 ${status} Text`]
  for (let n = r.below(4); n > 0; n--) lines.push(r.pick(fields))
  const content = 'b'.repeat(r.below(300))
  const way = r.below(4)
  if (way === 0) lines.push(`Content-Length: ${content.length}`)
  if (way === 1) lines.push('Transfer-Encoding: chunked')
  if (way === 2) lines.push('Connection: close')
  if (way === 3) lines.push('Content-Length: 0')
  const body = way === 1 ? chunked(content, r) : way === 3 ? '' : content
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1')
}

function chunked(content: string, r: Random): string {
  let body = ''
  for (let at = 0; at < content.length; ) {
    const part = content.slice(at, at + 1 + r.below(50))
    body += `${part.length.toString(16)}\r\n${part}\r\n`
    at += part.length
  }
  return `${body}0\r\n\r\n`
}

function playBack(
  trials: ReadonlyMap<string, Trial>,
  request: RecordedRequest,
  socket: Socket
): void {
  const trial = trials.get(targetOf(request).split('=')[1] ?? '')
  if (trial === undefined) return void socket.destroy()
  socket.write(trial.bytes, () => {
    if (trial.ending === 'fin') socket.end()
    // The bytes must be out of the process, or the reset overtakes them.
    if (trial.ending === 'rst') setTimeout(() => socket.resetAndDestroy(), 5)
  })
}

async function play(trial: Trial, port: number, totals: Totals): Promise<string | null> {
  const client = await rawClient(port)
  const target = `/v1/predict?fuzz=${markOf(trial.id)}`
  client.send(`GET ${target} HTTP/1.1\r\nHost: router.test\r\nX-User-Id: u-${trial.id}\r\n\r\n`)
  const over = () =>
    client.end() !== 'open' || readAnswers(client.bytes(), client.end()).final[0]?.complete === true
  const ended = await client.until(over)
  const { interim, final, garbage } = readAnswers(client.bytes(), client.end())
  client.close()
  totals.sent += 1
  if (!ended) return 'no end'
  if (final.length > 1) return 'two answers'
  if (interim.length > 0) return `an interim answer ${interim[0]?.status}`
  const [answer] = final
  if (answer === undefined) return client.bytes().length === 0 ? null : 'no head'
  if (answer.complete && garbage.length > 0) return 'bytes behind the answer'
  totals.answered += 1
  if (answer.status < 300) totals.accepted += 1
  return faultIn(answer, trial)
}

/** Compares what the client saw with what the upstream sent, where the strict reader understands that. */
function faultIn(answer: Answer, trial: Trial): string | null {
  const marks = answer.fields.filter(([name]) => name === 'x-fuzz-id').map(([, value]) => value)
  const other = marks.find(mark => isMark(mark) && mark !== markOf(trial.id))
  if (other !== undefined) return `got the answer of ${other}`
  const end = trial.ending === 'fin' ? 'fin' : trial.ending === 'rst' ? 'reset' : 'open'
  const [sent] = readAnswers(asRead(trial.bytes), end).final
  if (sent === undefined || (OURS.includes(answer.status) && sent.status !== answer.status)) {
    return sent === undefined && answer.status < 300 && marks.length > 0 && answer.complete
      ? lenient(trial)
      : null
  }
  if (answer.status !== sent.status) return `status ${answer.status} for ${sent.status}`
  if (answer.complete && !sent.complete && !framedTwice(trial))
    return 'a broken answer looks complete'
  if (!answer.complete) return null
  return answer.body.equals(sent.body) ? null : 'another body'
}

/**
 * What is skipped on the way and changes nothing: empty lines before the status line (as a server skips them
 * before a request line), and the reason phrase, which never reaches the client.
 */
function asRead(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1').replace(/^[\r\n]+/, '')
  return Buffer.from(text.replace(/^(HTTP\/1\.[01] \d{3}) [^\r\n]*(?=\r\n)/, '$1'), 'latin1')
}

/** Heads that Node's client reads and the strict reader does not: folded lines and blanks before a colon. */
function lenient(trial: Trial): string | null {
  const head = trial.bytes.toString('latin1').split('\r\n\r\n')[0] ?? ''
  return /\r\n[ \t]|[ \t]:/.test(head) ? null : `accepted: ${head.slice(0, 120)}`
}

/** Two framings are refused by ours (502) or read by one of them; the strict reader takes the first. */
function framedTwice(trial: Trial): boolean {
  const head = trial.bytes.toString('latin1').split('\r\n\r\n')[0]?.toLowerCase() ?? ''
  return head.includes('content-length') && head.includes('transfer-encoding')
}

if (import.meta.main) await runAsProgram(fuzzResponses, 20_000)
