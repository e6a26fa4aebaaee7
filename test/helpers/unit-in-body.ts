/** A data thread with a route whose unit stands in the body at /user, and requests for it as bytes. */
import { bucketOfHash, hashText, saltPrefix } from '../../src/domain/hash.ts'
import type { RouteSnapshot } from '../../src/domain/snapshot.ts'
import { type Answer, readAnswers } from './answers.ts'
import { canaryRoute, type DataThread, startDataThread } from './data-thread.ts'
import type { RawClient } from './raw-client.ts'
import { type Recorder, startRecorder } from './recorder.ts'
import { until } from './until.ts'

type Teardown = { teardown(done: () => unknown): unknown }
export type Stage = {
  readonly stable: Recorder
  readonly canary: Recorder
  readonly thread: DataThread
}

export const HEAD =
  'POST /v1/predict HTTP/1.1\r\nHost: router.test\r\nContent-Type: application/json\r\n'

/** Half of the buckets each; the unit stands at /user. */
export async function stage(
  t: Teardown,
  changes: Partial<RouteSnapshot> = {},
  threads = 1
): Promise<Stage> {
  const stable = await startRecorder()
  const canary = await startRecorder()
  t.teardown(() => Promise.all([stable.close(), canary.close()]))
  const thread = await startDataThread(t, [bodyRoute(stable, canary, changes)], { threads })
  return { stable, canary, thread }
}

export function bodyRoute(
  stable: Recorder,
  canary: Recorder,
  changes: Partial<RouteSnapshot> = {}
): RouteSnapshot {
  return canaryRoute(stable.port, canary.port, {
    protocol: 'json',
    hashOn: [{ json: '/user' }],
    ranges: [
      { start: 0, end: 5000, variant: 1 },
      { start: 5000, end: 10_000, variant: 0 }
    ],
    ...changes
  })
}

function isCanary(unit: string): boolean {
  return bucketOfHash(hashText(saltPrefix('fraud.0'), unit)) < 5000
}

export const CANARY_USER = ['u1', 'u2', 'u3', 'u4', 'u5', 'u6', 'u7'].find(isCanary) ?? ''
export const STABLE_USER =
  ['u1', 'u2', 'u3', 'u4', 'u5', 'u6', 'u7'].find(unit => !isCanary(unit)) ?? ''

export function withLength(body: string | Uint8Array, fields = ''): Buffer {
  const bytes = Buffer.from(body)
  return Buffer.concat([
    Buffer.from(`${HEAD}${fields}Content-Length: ${bytes.length}\r\n\r\n`),
    bytes
  ])
}

export function chunked(pieces: readonly string[], fields = ''): Buffer {
  const chunks = pieces.map(piece => `${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`)
  return Buffer.from(
    `${HEAD}${fields}Transfer-Encoding: chunked\r\n\r\n${chunks.join('')}0\r\n\r\n`
  )
}

export async function answered(
  client: RawClient,
  count = 1
): Promise<{ readonly answers: readonly Answer[] }> {
  await until('an answer', () => wholeAnswers(client).length >= count)
  return { answers: wholeAnswers(client) }
}

export function wholeAnswers(client: RawClient): readonly Answer[] {
  const { final } = readAnswers(client.bytes(), client.end())
  return final.filter(({ complete }) => complete)
}

export function orFail<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('there is none')
  return value
}
