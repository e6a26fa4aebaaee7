/**
 * Load as users make it: an open model. Requests leave when their time has come, whether or not earlier ones
 * were answered, so a slow or hanging model is met by as many requests as a quick one.
 *
 * Arrivals are a Poisson process with a seed; each picks one of many users. Latency runs from the moment a
 * request was due, so nothing that waits is left out of the figures.
 */
import { performance } from 'node:perf_hooks'
import { Pool } from 'undici'
import { FEATURES, INPUT } from './models.ts'

export type LoadOptions = {
  readonly origin: string | readonly string[] // several: in turn, as behind one port
  readonly path: string
  readonly rps: number
  readonly users: number
  readonly seed: number
  readonly timeoutMs: number
}

export type Sample = {
  readonly due: number // ms, performance.now()
  readonly ms: number // from due to the last byte
  readonly user: string
  readonly variant: string | null // X-Sluice-Variant
  readonly status: number // 0: no answer
  readonly nan: boolean
}

export type Load = {
  readonly sent: () => number
  /** Users whose request was due longer than `ms` ago and has no answer yet, one entry a request. */
  readonly waiting: (ms: number) => readonly string[]
  /** Sends no more, gives what is under way `graceMs`, and closes every connection. */
  readonly stop: (graceMs?: number) => Promise<void>
}

/** Starts the load; `onSample` is called at the end of each request. */
export function startLoad(options: LoadOptions, onSample: (sample: Sample) => void): Load {
  const random = seeded(options.seed)
  const pools = [options.origin].flat().map(
    origin =>
      new Pool(origin, {
        pipelining: 1,
        connections: null,
        headersTimeout: options.timeoutMs,
        bodyTimeout: options.timeoutMs
      })
  )
  const pending = new Map<Promise<void>, { readonly user: string; readonly due: number }>()
  let due = performance.now()
  let sent = 0
  let timer: NodeJS.Timeout

  const tick = () => {
    for (; due <= performance.now(); due += (-Math.log(1 - random()) * 1000) / options.rps) {
      const user = `user-${Math.floor(random() * options.users)}`
      const features = Array.from({ length: FEATURES }, () => Math.round(random() * 1000) / 1000)
      const pool = pools[sent++ % pools.length]
      if (pool === undefined) throw new Error('a load needs an origin')
      const one = ask(pool, options.path, user, features, due).then(onSample)
      pending.set(one, { user, due })
      void one.finally(() => pending.delete(one))
    }
    timer = setTimeout(tick, Math.max(0, due - performance.now()))
  }
  tick()

  return {
    sent: () => sent,
    waiting: ms => {
      const before = performance.now() - ms
      return [...pending.values()].filter(one => one.due < before).map(one => one.user)
    },
    async stop(graceMs = 1000) {
      clearTimeout(timer)
      const grace = new Promise(resolve => setTimeout(resolve, graceMs).unref())
      await Promise.race([Promise.all(pending.keys()), grace])
      await Promise.all(pools.map(pool => pool.destroy()))
      await Promise.all(pending.keys())
    }
  }
}

async function ask(
  pool: Pool,
  path: string,
  user: string,
  features: readonly number[],
  due: number
): Promise<Sample> {
  const body = JSON.stringify({
    inputs: [{ name: INPUT, shape: [1, FEATURES], datatype: 'FP32', data: features }]
  })
  try {
    const answer = await pool.request({
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json', 'x-user-id': user },
      body
    })
    const variant = answer.headers['x-sluice-variant']
    const text = await answer.body.text()
    return {
      due,
      ms: performance.now() - due,
      user,
      variant: typeof variant === 'string' ? variant : null,
      status: answer.statusCode,
      nan: text.includes('NaN')
    }
  } catch {
    return { due, ms: performance.now() - due, user, variant: null, status: 0, nan: false }
  }
}

/** Numbers in [0, 1) from a seed (mulberry32): the same run twice sends the same requests. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
