/**
 * What shadows may cost in memory, at the worst: copies that nobody answers, until their credit is gone, and pairs
 * with large bodies that a broker does not take, until its ring is full. Each over the same requests without a
 * shadow, in a router of its own.
 *
 * The budget is what may be held (64 MiB) and 50 MB for all that is done around it.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import { residentBytes } from '../test/helpers/process-tree.ts'
import { type Bed, PATH, type Shadow, startBed, sum } from './shadow-bed.ts'

export const BUDGET = 64 * 2 ** 20 + 50e6 // bytes

export type Growth = {
  readonly what: string
  readonly bytes: number // over the peak without a shadow
  readonly well: number // the same with a shadow and Kafka that are well
  readonly full: number // drops that show that the bound was reached
  readonly failed: number // requests
}

type Push = {
  readonly what: string
  readonly shadow: Shadow
  readonly request: number // bytes
  readonly answer: number
  readonly freeze: boolean // the broker
  readonly reason: string // of the drops
}

const UPLOADS: Push = {
  what: 'copies of 256 KiB that are never answered, credit used up',
  shadow: 'hanging',
  request: 256 * 1024,
  answer: 0,
  freeze: false,
  reason: 'credit'
}
const EVENTS: Push = {
  what: 'pairs of 2 x 64 KiB for a frozen Kafka, ring full',
  shadow: 'healthy',
  request: 0,
  answer: 64 * 1024,
  freeze: true,
  reason: 'buffer_full'
}
const CLIENTS = 8
const WAITING_MOST = 32 // pairs on their way to the ring, so that it alone is filled
/** Without a shadow: so many, and on until so many made no new peak, for heaps grow to what they need. */
const BASE_REQUESTS = 2_000
const STEADY_REQUESTS = 1_500
const NEW_PEAK = 1.01
const WELL_REQUESTS = 600 // with a shadow that is well
const MORE_REQUESTS = 100 // after the bound was reached

/** Both, each up to so many seconds. */
export async function measureMemory(seconds: number): Promise<readonly Growth[]> {
  return [await pushed(UPLOADS, seconds), await pushed(EVENTS, seconds)]
}

async function pushed(push: Push, seconds: number): Promise<Growth> {
  const bed = await startBed(
    { concurrency: 2_000, capture: true, noise: 0, timeout: '60s' },
    { withKafka: push.freeze }
  )
  const { pid, dataUrl } = bed.sluice
  const pool = new Pool(dataUrl, { connections: CLIENTS, pipelining: 1 })
  let failed = 0
  let sent = 0
  let allowed = Number.POSITIVE_INFINITY // requests until somebody looks again
  const body = requestOf(push.request)
  const ask = async () => {
    sent++
    allowed--
    try {
      const answer = await pool.request({
        method: 'POST',
        path: PATH,
        headers: {
          host: 'router.test',
          'content-type': 'application/json',
          'x-user-id': `user-${sent % 64}`,
          'x-answer-bytes': String(push.answer)
        },
        body
      })
      await answer.body.dump({ limit: 2 ** 30 })
      if (answer.statusCode !== 200) failed++
    } catch {
      failed++
    }
  }
  /**
   * Keeps all clients busy until `enough`, which hears how many requests there were since the last peak; resolves with
   * the highest resident memory on the way.
   */
  const busy = async (enough: (steady: number) => boolean): Promise<number> => {
    let peak = 0
    let peakAt = sent
    const timer = setInterval(() => {
      const now = residentBytes(pid)
      if (now > peak * NEW_PEAK) peakAt = sent
      peak = Math.max(peak, now)
    }, 50)
    const client = async () => {
      while (!enough(sent - peakAt)) await (allowed > 0 ? ask() : delay(20))
    }
    await Promise.all(Array.from({ length: CLIENTS }, client))
    clearInterval(timer)
    return Math.max(peak, residentBytes(pid))
  }
  let looking = true
  const seen = { full: 0, waiting: 0 } // as of the last look
  try {
    const look = (async () => {
      while (looking) {
        seen.full = await dropsOf(push, bed)
        seen.waiting = await waitingOf(bed, push.shadow)
        if (push.freeze) allowed = WAITING_MOST - seen.waiting
        await delay(20)
      }
    })()
    const base = await busy(steady => sent >= BASE_REQUESTS && steady >= STEADY_REQUESTS)
    const from = sent
    await bed.turn('healthy')
    const well = await busy(() => sent >= from + WELL_REQUESTS)
    await bed.quiet()
    if (push.freeze) bed.kafka?.pause()
    await bed.turn(push.shadow)
    const end = performance.now() + seconds * 1000
    let last = Number.POSITIVE_INFINITY
    const peak = await busy(() => {
      if (seen.full > 0 && last === Number.POSITIVE_INFINITY) last = sent + MORE_REQUESTS
      return sent >= last || performance.now() > end
    })
    looking = false
    await look
    return { what: push.what, bytes: peak - base, well: well - base, full: seen.full, failed }
  } finally {
    looking = false
    bed.kafka?.resume()
    await pool.destroy()
    await bed.stop()
  }
}

async function dropsOf({ shadow, reason, freeze }: Push, bed: Bed): Promise<number> {
  if (freeze) return (await bed.events()).lost[reason] ?? 0
  return (await bed.view(shadow)).dropped[reason] ?? 0
}

/** Copies that have not ended. */
async function waitingOf(bed: Bed, shadow: Shadow): Promise<number> {
  const { considered, dropped, outcomes } = await bed.view(shadow)
  return considered - sum(dropped) - sum(outcomes)
}

/** An Open Inference request of about so many bytes. */
function requestOf(bytes: number): Buffer {
  const data = Array(Math.max(8, Math.ceil(bytes / 6))).fill('0.125')
  return Buffer.from(
    `{"inputs":[{"name":"x","shape":[1,${data.length}],"datatype":"FP32","data":[${data.join()}]}]}`
  )
}
