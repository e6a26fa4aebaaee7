/**
 * The race between an upstream that closes an idle connection and a request that is about to use it: a POST may
 * fail, but it is never sent twice.
 *
 * The upstream closes each connection about 30 ms after its last answer, the clients ask again about then.
 */
import type { Socket } from 'node:net'
import t from 'tap'
import { readAnswers } from '../helpers/answers.ts'
import { DEMO_START, demoConfig } from '../helpers/raw-cases.ts'
import { rawClient } from '../helpers/raw-client.ts'
import { answerOk, type RecordedRequest, startRecorder, targetOf } from '../helpers/recorder.ts'
import { startSluice } from '../helpers/sluice.ts'

const CLIENTS = 64
const EACH = 40
const IDLE_MS = 30

const closing = new WeakMap<Socket, NodeJS.Timeout>()
const recorder = await startRecorder({ behaviour: { onHead: keepOpen, onRequest: closeSoon } })
const sluice = await startSluice(demoConfig(recorder.url), { t, ...DEMO_START })
t.teardown(() => recorder.close())
const port = Number(new URL(sluice.dataUrl).port)

t.test('sends each POST at most once when upstream connections close under them', async t => {
  const statuses = (await Promise.all(Array.from({ length: CLIENTS }, (_, n) => ask(n)))).flat()
  const seen = new Map<string, number>()
  for (const r of recorder.requests) seen.set(targetOf(r), (seen.get(targetOf(r)) ?? 0) + 1)
  const twice = [...seen].filter(([, n]) => n > 1)
  const well = statuses.filter(s => s === 200).length
  t.same(twice, [], 'no request was seen twice')
  t.equal(statuses.length, CLIENTS * EACH, 'every request has an answer')
  t.same(
    [...new Set(statuses)].filter(s => s !== 200 && s !== 502),
    [],
    'answered, or 502'
  )
  t.ok(well > statuses.length * 0.9, `${well} of ${statuses.length} answered by the upstream`)
  t.ok(
    recorder.accepted() > CLIENTS,
    `${recorder.accepted()} connections upstream: they were closed`
  )
})

async function ask(n: number): Promise<readonly number[]> {
  const client = await rawClient(port)
  const statuses: number[] = []
  for (let i = 0; i < EACH; i++) {
    const before = client.bytes().length
    client.send(
      `POST /v1/predict?id=${n}-${i} HTTP/1.1\r\nHost: router.test\r\nX-User-Id: u-${n}\r\nContent-Length: 2\r\n\r\n{}`
    )
    const read = () => readAnswers(client.bytes().subarray(before), client.end()).final[0]
    await client.until(() => read()?.complete === true || client.end() !== 'open', 20_000)
    statuses.push(read()?.status ?? 0)
    await new Promise(resolve => setTimeout(resolve, IDLE_MS - 2 + ((n + i) % 5)))
  }
  client.close()
  return statuses
}

function keepOpen(_: RecordedRequest, socket: Socket): void {
  clearTimeout(closing.get(socket))
}

function closeSoon(request: RecordedRequest, socket: Socket): void {
  answerOk(request, socket)
  closing.set(
    socket,
    setTimeout(() => socket.end(), IDLE_MS)
  )
}
