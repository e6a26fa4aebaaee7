import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { test } from 'tap'
import { BAD_KINDS } from '../../../src/domain/counts.ts'
import { answerReader } from '../../../src/domain/payload/answer-reader.ts'
import { type AnswerHeadFacts, SCAN_BYTES } from '../../../src/domain/payload/reading.ts'
import type { Protocol } from '../../../src/domain/route.ts'
import { readCut, verdict } from '../../helpers/payload-reading.ts'

type Case = {
  readonly id: string
  readonly dialect: string
  readonly path: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly complete: boolean
  readonly body_b64?: string
  readonly body_gzip_b64?: string
  readonly chunks?: readonly number[]
  readonly truth: {
    readonly predictions: number | null
    readonly null: boolean
    readonly nan: boolean
    readonly inf: boolean
    readonly empty: boolean
    readonly error_in_band: boolean
    readonly http_error?: boolean
    readonly malformed?: boolean
    readonly charset?: string
    readonly where: string
    readonly model?: string
    readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number }
    readonly first_output?: { readonly chunk: number }
  }
}

const { cases } = JSON.parse(
  readFileSync(new URL('../../fixtures/payloads.json', import.meta.url), 'utf8')
) as { readonly cases: readonly Case[] }

const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  'oip-v2': 'open-inference',
  'triton-generate': 'open-inference',
  'kserve-v1': 'kserve-v1',
  mlflow: 'mlflow',
  'openai-chat': 'openai',
  'openai-completions': 'openai',
  'raw-json': 'json',
  bentoml: 'json',
  ndjson: 'json'
}

/** A health check is no prediction call, so no reader ever sees it. */
const calls = cases.filter(c => c.dialect !== 'oip-v2-meta')

/** All of the largest captured answer. */
const ENOUGH = 4 * SCAN_BYTES

function headOf(c: Case): AnswerHeadFacts {
  const length = c.headers['inference-header-content-length']
  return {
    protocol: PROTOCOLS[c.dialect] ?? 'opaque',
    predictions: [],
    path: c.path,
    status: c.status,
    contentType: c.headers['content-type'] ?? null,
    inferenceHeaderLength: length === undefined ? null : Number(length)
  }
}

function bodyOf(c: Case): Buffer {
  const packed = c.body_gzip_b64
  const sent =
    packed === undefined
      ? Buffer.from(c.body_b64 ?? '', 'base64')
      : gunzipSync(Buffer.from(packed, 'base64'))
  return c.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent
}

/** The verdict that the truth of a case asks for; an answer that nobody could read is unparsable. */
function expected({ truth }: Case): string {
  if (truth.http_error) return 'unjudged'
  if (truth.malformed || truth.charset !== undefined || truth.where === 'html page')
    return 'unparsable'
  if (truth.error_in_band) return 'failed'
  const kinds = [truth.null && 'null', truth.nan && 'nan', truth.inf && 'infinite']
  return [...kinds, truth.empty && 'empty'].filter(Boolean).join()
}

function readable({ truth }: Case): boolean {
  return !truth.malformed && truth.charset === undefined
}

test('says of every captured answer what stands in it when it is read whole', t => {
  for (const c of calls) {
    const body = bodyOf(c)
    const reading = readCut(headOf(c), body, [], c.complete, ENOUGH)
    t.equal(verdict(reading), expected(c), c.id)
    if (reading === null) continue
    const { predictions, model, usage } = c.truth
    if (predictions !== null && readable(c)) t.equal(reading.predictions, predictions, c.id)
    if (model !== undefined && body.length > 0) t.equal(reading.model, model, c.id)
    if (usage === undefined) continue
    t.same([reading.inputTokens, reading.outputTokens], Object.values(usage), c.id)
  }
  t.equal(calls.length, 108)
  t.end()
})

test('says the same when an answer is cut anywhere or comes byte by byte', t => {
  for (const c of calls) {
    const body = bodyOf(c)
    const head = headOf(c)
    const whole = JSON.stringify(readCut(head, body, [], c.complete, ENOUGH))
    const step = Math.max(1, Math.ceil(body.length / 2000)) // a large list is cut at 2000 places
    let wrong = 0
    for (let cut = 0; cut <= body.length; cut += step)
      if (JSON.stringify(readCut(head, body, [cut], c.complete, ENOUGH)) !== whole) wrong++
    const single = readCut(
      head,
      body,
      Array.from(body, (_, i) => i),
      c.complete,
      ENOUGH
    )
    t.equal(wrong, 0, `${c.id} cut in two`)
    t.equal(JSON.stringify(single), whole, `${c.id} in single bytes`)
  }
  t.end()
})

test('tells the first event with content of a captured stream when its chunk has come', t => {
  let streams = 0
  for (const c of calls) {
    const first = c.truth.first_output?.chunk
    // a text that is called a stream of events has none
    if (c.chunks === undefined || first === undefined || c.id === 'bentoml/stream-fail') continue
    const reader = answerReader(headOf(c))
    const body = bodyOf(c)
    let at = 0
    const seen = c.chunks.findIndex(length => {
      reader?.push(body.subarray(at, at + length))
      at += length
      return (reader?.contentEvents ?? 0) > 0
    })
    t.equal(seen, first, c.id)
    streams++
  }
  t.ok(streams > 15, `${streams} streams`)
  t.end()
})

test('says of a captured stream whether it ended as its protocol does', t => {
  const finished = (id: string) => {
    const c = calls.find(one => one.id === id)
    return c && readCut(headOf(c), bodyOf(c), [], c.complete)?.finished
  }
  t.equal(finished('plain/chat-usage'), true, 'with [DONE]')
  t.equal(finished('tf/s-donetext'), true, 'with a reason to finish and no [DONE]')
  t.equal(finished('plain/chat-nodone'), false, 'a clean end without either')
  t.equal(finished('plain/chat-cut'), false)
  t.equal(finished('ray/stream'), true)
  t.equal(finished('ray/streamfail'), false)
  t.equal(finished('mlserver/s_fail'), false)
  t.equal(finished('mlserver/s_ok'), true)
  t.equal(finished('mlflow/nan'), true, 'no stream')
  t.end()
})

test('says nothing of what stands behind the bound when an answer is longer', t => {
  const c = calls.find(one => one.id === 'mlflow/bignan')
  if (c === undefined) throw new Error('no such case')
  const reading = readCut(headOf(c), bodyOf(c))
  t.equal(reading?.truncated, true)
  t.equal(verdict(reading), '', 'the last value is behind it')
  t.ok((reading?.predictions ?? 0) > 10_000)
  t.equal(reading?.why, null)
  const exact = bodyOf(c).length
  t.equal(readCut(headOf(c), bodyOf(c), [], true, exact)?.truncated, false)
  t.equal(readCut(headOf(c), bodyOf(c), [], true, exact - 1)?.truncated, true)
  t.end()
})

test('reads every event of a stream that is longer than the bound, in whatever pieces it comes', t => {
  const event = (text: string) =>
    `data: {"choices":[{"index":0,"delta":{"content":"${text}"},"finish_reason":null}]}\n\n`
  const usage = 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5000}}\n\n'
  const body = Buffer.from(`${event('word').repeat(5000)}${usage}data: [DONE]\n\n`)
  const head: AnswerHeadFacts = {
    protocol: 'openai',
    predictions: [],
    path: '/v1/chat/completions',
    status: 200,
    contentType: 'text/event-stream',
    inferenceHeaderLength: null
  }
  t.ok(body.length > SCAN_BYTES)
  for (const size of [body.length, 65_536, 1000]) {
    const reader = answerReader(head)
    for (let at = 0; at < body.length; at += size) reader?.push(body.subarray(at, at + size))
    const reading = reader?.end(true)
    t.match(reading, { outputTokens: 5000, inputTokens: 3, finished: true, truncated: false })
    t.equal(reader?.contentEvents, 5000)
  }
  t.end()
})

test('goes on behind an event that is longer than the bound, and claims nothing of its end', t => {
  const long = `data: {"predictions":[1,"${'x'.repeat(500)}",null]}\n\n`
  const body = Buffer.from(`${long}data: {"predictions":[NaN]}\n\n`)
  const head: AnswerHeadFacts = {
    protocol: 'json',
    predictions: [],
    path: '/predict',
    status: 200,
    contentType: 'text/event-stream',
    inferenceHeaderLength: null
  }
  for (const size of [body.length, 7, 1]) {
    const reader = answerReader(head, 100)
    for (let at = 0; at < body.length; at += size) reader?.push(body.subarray(at, at + size))
    const reading = reader?.end(true)
    t.match(reading, {
      judged: true,
      truncated: true,
      bad: 1 << BAD_KINDS.indexOf('nan'),
      why: null
    })
  }
  t.end()
})
