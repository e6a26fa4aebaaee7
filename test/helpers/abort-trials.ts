/**
 * Clients that leave while an upstream works for them, one after the other; gives the time in ms from each
 * close to the close of the upstream's connection. Throws when a connection upstream stays open for 5 s.
 */
import { rawClient } from './raw-client.ts'
import { type RecordedRequest, type Recorder, targetOf } from './recorder.ts'
import { HUNG_MS } from './until.ts'

export type AbortPhase = 'before the head' | 'after the head'

const HEAD =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'

/** Holds every request at `recorder`, and leaves `count` times. */
export async function abortTrials(
  port: number,
  recorder: Recorder,
  phase: AbortPhase,
  count: number
): Promise<readonly number[]> {
  const times: number[] = []
  const arrived = new Map<string, () => void>()
  const closed = new Map<string, () => void>()
  recorder.behave({
    onRequest: (request: RecordedRequest, socket) => {
      const id = targetOf(request)
      if (phase === 'after the head') socket.write(`${HEAD}9\r\ndata: 1\n\n\r\n`)
      socket.once('close', () => closed.get(id)?.())
      arrived.get(id)?.()
    }
  })
  for (let i = 0; i < count; i++) {
    const target = `/v1/predict?abort=${phase.split(' ', 1)}-${i}`
    const there = new Promise<void>(resolve => arrived.set(target, resolve))
    const gone = new Promise<number>(resolve =>
      closed.set(target, () => resolve(performance.now()))
    )
    const client = await rawClient(port)
    client.send(
      `POST ${target} HTTP/1.1\r\nHost: router.test\r\nX-User-Id: u-${i}\r\nContent-Length: 2\r\n\r\n{}`
    )
    await within(there, `trial ${i} to reach the upstream`)
    if (
      phase === 'after the head' &&
      !(await client.until(() => client.bytes().includes('data: 1')))
    ) {
      throw new Error(`trial ${i}: the first event did not come`)
    }
    const left = performance.now()
    if (i % 2 === 0) client.reset()
    else client.close()
    times.push((await within(gone, `trial ${i} to end upstream`)) - left)
    recorder.requests.length = 0
  }
  return times
}

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not in ${HUNG_MS} ms: ${what}`)), HUNG_MS)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
