/**
 * Fuzzes the data listener with mutated requests: `node test/fuzz/requests.ts --count 200000 --seed 1`.
 *
 * Holds for every one of them: the process lives and answers, each connection ends, at most one upstream request
 * per answer, an answer goes to the connection whose request it is, and what goes upstream is canonical. Prints
 * the seed and the bytes of whatever breaks a rule and exits 1.
 */
import { type Answers, readAnswers } from '../helpers/answers.ts'
import { type RequestCase, requestBytes, requestCases } from '../helpers/raw-cases.ts'
import { type RawClient, rawClient } from '../helpers/raw-client.ts'
import { headerOf, type RecordedRequest } from '../helpers/recorder.ts'
import { barrier } from '../helpers/request-case.ts'
import { HUNG_MS } from '../helpers/until.ts'
import {
  type FuzzOptions,
  type FuzzResult,
  runAsProgram,
  runBatches,
  type Totals
} from './batches.ts'
import { faultOf } from './canonical.ts'
import { type Generated, generateRequest } from './grammar.ts'
import { isMark, marked, markOf } from './mark.ts'
import { mutate } from './mutate.ts'
import { type Random, random } from './random.ts'

const TOGETHER = 48
const LINGER_MS = 60 // how long an unanswered connection is left open before our FIN

type Trial = {
  readonly id: number
  readonly bytes: Buffer
  readonly patient: boolean // a whole request, whose client waits for the answer that it is owed
  readonly r: Random
}
type Outcome = Trial & {
  readonly received: Buffer
  readonly end: string
  readonly hurried: boolean // we ended it before an answer
}

/** Runs `count` trials against a fresh process. Stops at the first rounds with a violation. */
export function fuzzRequests(options: FuzzOptions): Promise<FuzzResult> {
  const { seed } = options
  return runBatches(options, {
    behaviour: { onRequest: answerWithId },
    together: TOGETHER,
    async batch(from, n, { port, recorder, totals }) {
      const violations: string[] = []
      const tell = ({ id, bytes }: Trial, what: string) =>
        violations.push(`seed ${seed}, trial ${id}: ${what}: ${bytes.toString('base64')}`)
      const trials = trialsFrom(from, n, seed)
      const outcomes = await Promise.all(trials.map(trial => play(trial, port)))
      await barrier(port)
      const upstream = recorder.requests.splice(0).filter(r => !r.head.includes('barrier='))
      for (const o of outcomes) judge(o, upstream, totals, tell)
      for (const request of upstream.filter(r => r.head !== '')) {
        const fault = faultOf(request.head)
        if (fault !== null) violations.push(`seed ${seed}, from ${from}: forwarded ${fault}`)
      }
      violations.push(...recorder.violations.splice(0).map(v => `no request upstream: ${v}`))
      return violations
    }
  })
}

function trialsFrom(from: number, n: number, seed: number): readonly Trial[] {
  return Array.from({ length: n }, (_, i) => {
    const id = from + i
    const r = random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(id + 1, 0x85ebca6b))
    const base = pickBase(r)
    const bytes = marked(base.bytes, id)
    if (r.chance(0.65)) {
      return { id, bytes: mutate(bytes, r, () => pickBase(r).bytes), patient: false, r }
    }
    return { id, bytes, patient: base.whole, r }
  })
}

let corpus: readonly Generated[] | null = null

function pickBase(r: Random): Generated {
  corpus ??= requestCases()
    .map(c => ({ bytes: requestBytes(c), whole: isWhole(c) }))
    .filter(({ bytes }) => bytes.length > 0 && bytes.length < 4096)
  return r.chance(0.35) ? r.pick(corpus) : generateRequest(r)
}

/** Of the others it depends: some are refused before they are read, some wait for more. */
function isWhole({ expect, timing }: RequestCase): boolean {
  return timing === undefined && expect.forwarded === true && expect.status.includes(200)
}

async function play(trial: Trial, port: number): Promise<Outcome> {
  const client = await rawClient(port)
  await sendInParts(client, trial)
  const ended = () => client.end() !== 'open'
  const methods = isHead(trial.bytes) ? ['HEAD'] : []
  const answered = () =>
    ended() || readAnswers(client.bytes(), client.end(), methods).final[0]?.complete === true
  const hurried = !(await client.until(answered, trial.patient ? HUNG_MS : LINGER_MS))
  client.fin()
  await client.until(ended)
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
  totals: Totals,
  tell: (trial: Trial, what: string) => void
): void {
  const { final, garbage } = answersTo(o)
  const own = upstream.filter(r => headerOf(r, 'x-fuzz-id') === markOf(o.id) && r.complete)
  totals.sent += 1
  totals.answered += final.length > 0 ? 1 : 0
  if (o.end === 'open') tell(o, 'the connection never ended')
  if (o.patient && final.length === 0) tell(o, 'a whole request got no answer')
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
  const answers = readAnswers(received, 'fin', isHead(bytes) ? ['HEAD'] : [])
  const refused = isHead(bytes) && answers.garbage.length > 0 && answers.final[0]?.status === 400
  return refused ? readAnswers(received, 'fin') : answers
}

function isHead(bytes: Buffer): boolean {
  return /^[\r\n]*HEAD /.test(bytes.toString('latin1', 0, 40))
}

function answerWithId(request: RecordedRequest, socket: { write(bytes: string): unknown }): void {
  const mark = headerOf(request, 'x-fuzz-id') ?? ''
  const body = JSON.stringify({ fuzz: isMark(mark) ? mark : '' })
  const text = request.head.startsWith('HEAD ') ? '' : body
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${text}`)
}

if (import.meta.main) await runAsProgram(fuzzRequests, 200_000)
