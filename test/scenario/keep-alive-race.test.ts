/**
 * The race between an upstream that closes an idle connection and a request that is about to use it: a POST may
 * fail, but it is never sent twice, and it fails only when the upstream did not answer it.
 *
 * The upstream closes each connection about 30 ms after its last answer, the clients ask again about then. How
 * many lose the race depends on the machine; what became of each one does not.
 */
import type { Socket } from 'node:net'
import t from 'tap'
import { readAnswers } from '../helpers/answers.ts'
import { DEMO_START, demoConfig } from '../helpers/raw-cases.ts'
import { type RawClient, rawClient } from '../helpers/raw-client.ts'
import { answerOk, type RecordedRequest, startRecorder, targetOf } from '../helpers/recorder.ts'
import { startSluice } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'

const CLIENTS = 64
const EACH = 40
const ROUNDS = 10
const IDLE_MS = 30

const closing = new WeakMap<Socket, NodeJS.Timeout>()
const answeredUpstream = new Set<string>() // targets
const recorder = await startRecorder({ behaviour: { onHead: keepOpen, onRequest: closeSoon } })
const sluice = await startSluice(demoConfig(recorder.url), { t, ...DEMO_START })
t.teardown(() => recorder.close())
const port = Number(new URL(sluice.dataUrl).port)

t.test('sends each POST at most once when upstream connections close under them', async t => {
  const answers = new Map<string, number>()
  await Promise.all(Array.from({ length: CLIENTS }, (_, n) => askOften(n, answers)))
  const seen = new Map<string, number>()
  for (const r of recorder.requests) seen.set(targetOf(r), (seen.get(targetOf(r)) ?? 0) + 1)
  const twice = [...seen].filter(([, n]) => n > 1)
  const lost = [...answers].filter(([, status]) => status === 502).map(([target]) => target)
  t.same(twice, [], 'no request was seen twice')
  t.equal(answers.size, CLIENTS * EACH, 'every request has an answer')
  t.same(
    [...answers].filter(([, status]) => status !== 200 && status !== 502),
    [],
    'answered, or 502'
  )
  t.same(
    [...answers].filter(([target, status]) => (status === 200) !== answeredUpstream.has(target)),
    [],
    'what the upstream answered was answered, and only what it did not answer is a 502'
  )
  t.ok(
    lost.length <= recorder.accepted(),
    `${lost.length} lost, none of them with a connection of another: there were ${recorder.accepted()}`
  )
  t.ok(
    recorder.accepted() > CLIENTS,
    `${recorder.accepted()} connections upstream: they were closed`
  )
})

t.test('answers each POST when the upstream has closed every connection before it', async t => {
  const client = await rawClient(port)
  for (let i = 0; i < ROUNDS; i++) {
    await until('no connection to be open upstream', () => recorder.open() === 0)
    const before = recorder.accepted()
    t.equal(await ask(client, `/v1/predict?alone=${i}`, 0), 200)
    t.equal(recorder.accepted(), before + 1, 'over a connection of its own')
  }
  client.close()
})

async function askOften(n: number, answers: Map<string, number>): Promise<void> {
  const client = await rawClient(port)
  for (let i = 0; i < EACH; i++) {
    const target = `/v1/predict?id=${n}-${i}`
    answers.set(target, await ask(client, target, n))
    await new Promise(resolve => setTimeout(resolve, IDLE_MS - 2 + ((n + i) % 5)))
  }
  client.close()
}

/** Gives the status, 0 without an answer. */
async function ask(client: RawClient, target: string, n: number): Promise<number> {
  const before = client.bytes().length
  client.send(
    `POST ${target} HTTP/1.1\r\nHost: router.test\r\nX-User-Id: u-${n}\r\nContent-Length: 2\r\n\r\n{}`
  )
  const read = () => readAnswers(client.bytes().subarray(before), client.end()).final[0]
  await client.until(() => read()?.complete === true || client.end() !== 'open')
  return read()?.status ?? 0
}

function keepOpen(_: RecordedRequest, socket: Socket): void {
  clearTimeout(closing.get(socket))
}

function closeSoon(request: RecordedRequest, socket: Socket): void {
  if (socket.writableEnded) return // the race is lost: it came behind our FIN
  answeredUpstream.add(targetOf(request))
  answerOk(request, socket)
  closing.set(
    socket,
    setTimeout(() => socket.end(), IDLE_MS)
  )
}
