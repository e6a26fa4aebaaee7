/**
 * One drain under load: clients that ask over keep-alive connections, SIGTERM when all of them are warm, and what
 * became of every request.
 *
 * A request has failed when it got no complete 200 although it went over a connection that had worked before, or
 * although the upstream saw it. A new connection that the kernel had queued behind the closing listener was
 * never accepted by the process: it is told apart, as `refused`.
 */
import { readAnswers } from './answers.ts'
import { DEMO_START, demoConfig } from './raw-cases.ts'
import { rawClient } from './raw-client.ts'
import { answerOk, type Recorder, startRecorder, targetOf } from './recorder.ts'
import { type Sluice, startSluice } from './sluice.ts'
import { until } from './until.ts'

export type DrainTally = {
  answered: number
  refused: number
  readonly failed: string[]
  readonly warm: Set<number> // clients with two answers
}

const BODY = '{"x":1}'
const MOST_PAUSE_MS = 64 // so that SIGTERM finds connections that are busy and connections that are idle

/** Starts a process with `clients` clients, ends it with SIGTERM and waits for its exit, which must be 0. */
export async function drainOnce(clientCount: number): Promise<DrainTally> {
  const recorder = await startRecorder({ behaviour: { onRequest: answerOk } })
  const config = { ...demoConfig(recorder.url), drain: { delay: '100ms', grace: '60s' } }
  const sluice = await startSluice(config, DEMO_START)
  const tally: DrainTally = { answered: 0, refused: 0, failed: [], warm: new Set() }
  const clients = Array.from({ length: clientCount }, (_, n) =>
    keepAsking(sluice, recorder, tally, n)
  )
  await until('the clients to be warm', () => tally.warm.size === clientCount)
  const { code, signal } = await sluice.stop()
  await Promise.all(clients)
  await recorder.close()
  if (code !== 0) tally.failed.push(`exited with ${code ?? signal}\n${sluice.stderr()}`)
  return tally
}

/** One client: asks over one connection until it is told to close, then over the next, until nobody listens. */
async function keepAsking(
  sluice: Sluice,
  recorder: Recorder,
  tally: DrainTally,
  n: number
): Promise<void> {
  const port = Number(new URL(sluice.dataUrl).port)
  for (let asked = 0; ; ) {
    const client = await rawClient(port).catch(() => null)
    if (client === null) return
    for (let onThis = 0; ; onThis++, asked++) {
      const target = `/v1/predict?r=${n}-${asked}`
      const before = client.bytes().length
      client.send(requestText(target, n))
      const read = () => readAnswers(client.bytes().subarray(before), client.end()).final[0]
      await client.until(() => client.end() !== 'open' || read()?.complete === true)
      const answer = read()
      if (answer?.complete === true && answer.status === 200) {
        tally.answered += 1
        if (onThis > 0) tally.warm.add(n)
        if (answer.fields.some(([k, v]) => k === 'connection' && v === 'close')) break
        await new Promise(resolve => setTimeout(resolve, n % MOST_PAUSE_MS))
        continue
      }
      const wasSeen = recorder.requests.some(r => targetOf(r) === target)
      if (onThis === 0 && !wasSeen) tally.refused += 1
      else tally.failed.push(`${target}: ${client.end()} after ${onThis} on this connection`)
      break
    }
    client.close()
  }
}

export function requestText(target: string, unit: number): string {
  return `POST ${target} HTTP/1.1\r\nHost: router.test\r\nX-User-Id: u-${unit}\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`
}
