/**
 * Fuzzes the data listener with mutated requests: `node test/fuzz/requests.ts --count 200000 --seed 1`.
 *
 * Holds for every one of them: the process lives and answers, each connection ends, at most one upstream request
 * per answer, an answer goes to the connection whose request it is, and what goes upstream is canonical. Prints
 * the seed and the bytes of whatever breaks a rule and exits 1.
 */
import { parseArgs } from 'node:util'
import { type Answers, readAnswers } from '../helpers/answers.ts'
import { DEMO_START, demoConfig, requestBytes, requestCases } from '../helpers/raw-cases.ts'
import { type RawClient, rawClient } from '../helpers/raw-client.ts'
import { headerOf, type RecordedRequest, startRecorder } from '../helpers/recorder.ts'
import { barrier } from '../helpers/request-case.ts'
import { startSluice } from '../helpers/sluice.ts'
import { faultOf } from './canonical.ts'
import { generateRequest } from './grammar.ts'
import { isMark, markOf } from './mark.ts'
import { mutate } from './mutate.ts'
import { type Random, random } from './random.ts'

export type FuzzOptions = {
  readonly count: number
  readonly seed: number
  readonly progress?: (done: number) => void
}
export type FuzzResult = {
  readonly sent: number
  readonly answered: number // with any final answer
  readonly accepted: number // 2xx of the upstream
  readonly violations: readonly string[]
}

const TOGETHER = 48
const LINGER_MS = 60 // how long an unanswered connection is left open before our FIN
const DEADLINE_MS = 20_000

type Trial = { readonly id: number; readonly bytes: Buffer; readonly r: Random }
type Outcome = Trial & {
  readonly received: Buffer
  readonly end: string
  readonly hurried: boolean // we ended it before an answer
}

/** Runs `count` trials against a fresh process. Stops at the first rounds with a violation. */
export async function fuzzRequests({ count, seed, progress }: FuzzOptions): Promise<FuzzResult> {
  const recorder = await startRecorder({ behaviour: { onRequest: answerWithId } })
  const sluice = await startSluice(demoConfig(recorder.url), DEMO_START)
  const port = Number(new URL(sluice.dataUrl).port)
  const violations: string[] = []
  const totals = { sent: 0, answered: 0, accepted: 0 }
  const tell = (trial: Trial, what: string) =>
    violations.push(`seed ${seed}, trial ${trial.id}: ${what}: ${trial.bytes.toString('base64')}`)

  try {
    for (let from = 0; from < count && violations.length === 0; from += TOGETHER) {
      const trials = trialsFrom(from, Math.min(TOGETHER, count - from), seed)
      const outcomes = await Promise.all(trials.map(trial => play(trial, port)))
      await barrier(port)
      const upstream = recorder.requests.splice(0).filter(r => !r.head.includes('barrier='))
      for (const o of outcomes) judge(o, upstream, totals, tell)
      for (const request of upstream.filter(r => r.head !== '')) {
        const fault = faultOf(request.head)
        if (fault !== null) violations.push(`seed ${seed}, from ${from}: forwarded ${fault}`)
      }
      violations.push(...recorder.violations.splice(0).map(v => `no request upstream: ${v}`))
      progress?.(totals.sent)
    }
  } catch (error) {
    violations.push(`seed ${seed}, after ${totals.sent}: ${String(error)}\n${sluice.stderr()}`)
  }
  if ((await sluice.stop()).code !== 0) violations.push(`seed ${seed}: did not exit 0`)
  await recorder.close()
  return { ...totals, violations }
}

function trialsFrom(from: number, n: number, seed: number): readonly Trial[] {
  return Array.from({ length: n }, (_, i) => {
    const id = from + i
    const r = random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(id + 1, 0x85ebca6b))
    const base = marked(pickBase(r), id)
    return { id, bytes: r.chance(0.65) ? mutate(base, r, () => pickBase(r)) : base, r }
  })
}

let corpus: readonly Buffer[] | null = null

function pickBase(r: Random): Buffer {
  corpus ??= requestCases()
    .map(requestBytes)
    .filter(bytes => bytes.length > 0 && bytes.length < 4096)
  return r.chance(0.35) ? r.pick(corpus) : generateRequest(r)
}

/** Gives the request a field with its number behind its first line, where it has one. */
function marked(bytes: Buffer, id: number): Buffer {
  const at = bytes.indexOf('\r\n')
  if (at < 0) return bytes
  const mark = Buffer.from(`\r\nX-Fuzz-Id: ${markOf(id)}`)
  return Buffer.concat([bytes.subarray(0, at), mark, bytes.subarray(at)])
}

async function play(trial: Trial, port: number): Promise<Outcome> {
  const client = await rawClient(port)
  await sendInParts(client, trial)
  const ended = () => client.end() !== 'open'
  const answered = () => ended() || readAnswers(client.bytes(), client.end()).final[0]?.complete
  const hurried = !(await client.until(() => answered() === true, LINGER_MS))
  client.fin()
  await client.until(ended, DEADLINE_MS)
  const outcome = { ...trial, received: client.bytes(), end: client.end(), hurried }
  client.close()
  return outcome
}

async function sendInParts(client: RawClient, { bytes, r }: Trial): Promise<void> {
  for (let at = 0, parts = 1 + r.below(3); parts > 0; parts--) {
    const to = parts === 1 ? bytes.length : at + r.below(bytes.length - at + 1)
    client.send(bytes.subarray(at, to))
    at = to
    if (parts > 1) await new Promise(resolve => setImmediate(resolve))
  }
}

function judge(
  o: Outcome,
  upstream: readonly RecordedRequest[],
  totals: { sent: number; answered: number; accepted: number },
  tell: (trial: Trial, what: string) => void
): void {
  const { final, garbage } = answersTo(o)
  const own = upstream.filter(r => headerOf(r, 'x-fuzz-id') === markOf(o.id) && r.complete)
  totals.sent += 1
  totals.answered += final.length > 0 ? 1 : 0
  if (o.end === 'open') tell(o, 'the connection never ended')
  if (garbage.length > 0 && !o.hurried) tell(o, `no answer: ${garbage.toString('latin1', 0, 60)}`)
  if (own.length > Math.max(final.length, o.hurried ? 1 : 0)) {
    tell(o, `${own.length} requests upstream for ${final.length} answers`)
  }
  for (const answer of final) {
    const echoed = /"fuzz":"([^"]*)"/.exec(answer.body.toString('latin1'))?.[1]
    if (echoed === undefined) continue
    totals.accepted += 1
    if (echoed !== '' && echoed !== markOf(o.id)) tell(o, `got the answer of ${echoed}`)
  }
}

/** A HEAD that cannot be read is not known to be one, so its refusal may have a body. */
function answersTo({ bytes, received }: Outcome): Answers {
  const isHead = /^[\r\n]*HEAD /.test(bytes.toString('latin1', 0, 40))
  const answers = readAnswers(received, 'fin', isHead ? ['HEAD'] : [])
  const refused = isHead && answers.garbage.length > 0 && answers.final[0]?.status === 400
  return refused ? readAnswers(received, 'fin') : answers
}

function answerWithId(request: RecordedRequest, socket: { write(bytes: string): unknown }): void {
  const mark = headerOf(request, 'x-fuzz-id') ?? ''
  const body = JSON.stringify({ fuzz: isMark(mark) ? mark : '' })
  const text = request.head.startsWith('HEAD ') ? '' : body
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${text}`)
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      count: { type: 'string', default: '200000' },
      seed: { type: 'string', default: '1' }
    }
  })
  let next = 0
  const progress = (done: number) => {
    if (done < next) return
    next += 10_000
    console.error(`${done} sent`)
  }
  const count = Number(values.count)
  const result = await fuzzRequests({ count, seed: Number(values.seed), progress })
  console.log(JSON.stringify(result, null, 2))
  process.exitCode = result.violations.length === 0 ? 0 : 1
}
