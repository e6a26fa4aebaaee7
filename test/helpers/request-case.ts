/**
 * Runs one raw request case against a data listener with a recorder behind it, and says what happened.
 *
 * No sleeps but those that a case states: a case is over when its connection ended or when two barriers (normal
 * requests on other connections) came back and nothing moved in between.
 */
import { type Answers, readAnswers } from './answers.ts'
import type { RequestCase } from './raw-cases.ts'
import { requestBytes } from './raw-cases.ts'
import { type End, type RawClient, rawClient } from './raw-client.ts'
import { type RecordedRequest, type Recorder, targetOf } from './recorder.ts'

export type CaseResult = {
  readonly answers: Answers
  readonly status: number // first final one, 0 = none
  readonly end: End
  readonly forwarded: readonly RecordedRequest[] // what the upstream saw of it, even one byte
  readonly sent: Buffer
}

let barriers = 0

/** Sends a normal request on its own connection and waits for its answer. Throws when it fails. */
export async function barrier(port: number): Promise<void> {
  const mark = `barrier=${++barriers}`
  const client = await rawClient(port)
  client.send(
    `GET /v1/predict?${mark} HTTP/1.1\r\nHost: router.test\r\nX-User-Id: barrier\r\nConnection: close\r\n\r\n`
  )
  const done = () => client.end() !== 'open'
  await client.until(done)
  const [answer, ...more] = readAnswers(client.bytes(), client.end()).final
  client.close()
  if (answer?.status !== 200 || !answer.complete || more.length > 0) {
    throw new Error(
      `a normal request failed (${mark}): ${client.bytes().toString('latin1', 0, 300)}`
    )
  }
}

/** Requests at the recorder that are no barriers. */
export function seen(recorder: Recorder, from = 0): readonly RecordedRequest[] {
  return recorder.requests
    .slice(from)
    .filter(r => !(r.head !== '' && targetOf(r).includes('barrier=')))
}

/** `own` keeps what belongs to this case where several run at once. */
export async function runRequestCase(
  c: RequestCase,
  port: number,
  recorder: Recorder,
  own: (request: RecordedRequest) => boolean = () => true
): Promise<CaseResult> {
  const from = recorder.requests.length
  const sent = requestBytes(c)
  const client = await rawClient(port)
  client.send(sent)
  if (c.timing === 'split') await follow(c, client)
  await settle(c, client, port, recorder, sent)
  await barrier(port)
  const end = client.end()
  client.close()
  const answers = readAnswers(client.bytes(), end, methodsIn(sent))
  const forwarded = seen(recorder, from).filter(own)
  return { answers, status: answers.final[0]?.status ?? 0, end, forwarded, sent }
}

async function follow(c: RequestCase, client: RawClient): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, c.delay_ms ?? 0))
  if (c.then_base64 !== undefined) client.send(Buffer.from(c.then_base64, 'base64'))
  if (c.then === 'fin') client.fin()
  if (c.then === 'rst') client.reset()
}

async function settle(
  c: RequestCase,
  client: RawClient,
  port: number,
  recorder: Recorder,
  sent: Buffer
): Promise<void> {
  const ended = () => client.end() !== 'open'
  if (c.expect.close === true || c.timing !== undefined) {
    await client.until(ended)
    return
  }
  const answered = () => {
    const [first] = readAnswers(client.bytes(), client.end(), methodsIn(sent)).final
    return ended() || first?.complete === true
  }
  await client.until(answered)
  for (let quiet = 0, moved = -1; quiet < 2 && !ended(); ) {
    await barrier(port)
    const now = client.bytes().length + seen(recorder).length
    quiet = now === moved ? quiet + 1 : 0
    moved = now
  }
}

/** Methods of the pipelined requests in `bytes`, as far as they matter for the framing of answers. */
function methodsIn(bytes: Buffer): readonly string[] {
  return bytes.subarray(0, 5).toString('latin1') === 'HEAD ' ? ['HEAD'] : []
}
