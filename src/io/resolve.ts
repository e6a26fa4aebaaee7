/**
 * Names to addresses by the system's resolver, again and again: all addresses, IPv4 and IPv6.
 *
 * The last good answer is never lost to a failure. getaddrinfo runs on the thread pool that file writes share,
 * and a dead name server holds a thread for many seconds, so at most two look-ups run at a time: a rollback
 * that must reach the disk never waits behind names.
 */
import { lookup as systemLookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Resolver } from '../ports.ts'

const AT_ONCE = 2
const FIRST_RETRY_MS = 1_000
const JITTER = 0.1

/** All addresses of a name; rejects with a `code` where there are none. */
type Lookup = (hostname: string) => Promise<readonly string[]>

export function createResolver(lookup: Lookup = bySystem): Resolver {
  const limited = limitedTo(AT_ONCE, lookup)
  const resolve: Lookup = hostname =>
    isIP(hostname) === 0 ? limited(hostname) : Promise.resolve([hostname])

  return {
    watch(hostname, refreshMs, listener) {
      if (isIP(hostname) !== 0) {
        listener({ ips: [hostname] })
        return () => {}
      }
      let stopped = false
      let known = ''
      let timer: NodeJS.Timeout | undefined

      async function refresh(): Promise<void> {
        const answer = await resolve(hostname).then(
          ips => ({ ips: [...new Set(ips)].sort() }),
          (error: unknown) => ({ failed: codeOf(error) })
        )
        if (stopped) return
        if ('failed' in answer || answer.ips.length === 0) {
          listener('failed' in answer ? answer : { failed: 'ENODATA' })
        } else if (known !== answer.ips.join()) {
          known = answer.ips.join()
          listener(answer)
        }
        const wait = known === '' ? Math.min(refreshMs, FIRST_RETRY_MS) : refreshMs
        timer = setTimeout(again, jittered(wait))
        timer.unref()
      }

      function again(): void {
        void refresh()
      }

      again()
      return () => {
        stopped = true
        clearTimeout(timer)
      }
    },
    lookup: resolve,
    ownAddresses: () =>
      Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(({ address }) => address))
  }
}

async function bySystem(hostname: string): Promise<readonly string[]> {
  const found = await systemLookup(hostname, { all: true, order: 'verbatim' })
  return found.map(({ address }) => address)
}

function limitedTo(limit: number, lookup: Lookup): Lookup {
  const waiting: (() => void)[] = []
  let running = 0
  return async hostname => {
    if (running >= limit) await new Promise<void>(start => waiting.push(start))
    else running++
    try {
      return await lookup(hostname)
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}

/** Many routers must not ask in step. */
function jittered(ms: number): number {
  return ms * (1 - JITTER + Math.random() * 2 * JITTER)
}
