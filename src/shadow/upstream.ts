/**
 * Where copies of one shadow go: the addresses of its variant with pools of their own, and the fields that a
 * copy has there. A copy is marked as one, carries no credentials unless they are kept, and has the host of the
 * shadow (shadow.md, rule 6). The champion, which had them from the client, gets them again: what it says without them
 * would tell nothing of its noise.
 *
 * An address that cannot be connected to gets no copies: one for each would tell nothing new, and cost as much as an
 * answer. It is knocked at, and gets copies again when it can be connected to.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Pool } from 'undici'
import { dropFields, rewriteFields, rewrittenTarget } from '../domain/rewrite.ts'
import { CREDENTIALS, type ShadowSettings } from '../domain/shadow.ts'
import { NO_ANSWER, type RequestCopy } from '../domain/shadow-copy.ts'
import type { ShadowUpstream } from '../domain/shadow-messages.ts'
import type { AddressSnapshot } from '../domain/snapshot.ts'
import { authorityOf } from '../upstream-connection/authority.ts'
import { chooseAddress } from '../upstream-connection/choose.ts'
import type { PoolRequest, Pools } from '../upstream-connection/pools.ts'
import { type CallLimits, type CopiedAnswer, CopiedCall } from './copied-call.ts'

type CopyAddress = {
  readonly snapshot: AddressSnapshot
  readonly standing: Standing
  readonly pool: Pool
  readonly request: PoolRequest
}

/** `ejectedUntil` is 0, or without end while it is knocked at. `back` is called when that is over. */
type Standing = { inFlight: number; ejectedUntil: number; back: () => void }

/** They live as long as the pools do, which outlive settings. */
const standings = new WeakMap<Pool, Standing>()

const FIRST_KNOCK_MS = 100 // doubled each time
const LONGEST_KNOCK_MS = 1_000

export type CopyUpstream = {
  /** No address can be connected to, or there is none. */
  isAway(): boolean
  /** Sends a copy; `done` is called once. While no address can be connected to it ends as `connect`. */
  send(
    copy: RequestCopy,
    body: Uint8Array | null,
    limits: CallLimits,
    done: (answer: CopiedAnswer) => void
  ): void
}

/**
 * `owner` names the pools, which are shared with nobody else. `back` is called when an address that could not be
 * connected to can be.
 */
export function copyUpstream(
  owner: string,
  upstream: ShadowUpstream,
  keepHeaders: ShadowSettings['keepHeaders'],
  connectMs: number,
  pools: Pools,
  back: () => void
): CopyUpstream {
  const { variant, tls, keepAliveMs, rewrite } = upstream
  const requests = upstream.addresses.map(address => {
    return { variant, address, tls, keepAliveMs, connectMs }
  })
  const own = pools.take(owner, requests)
  const addresses = requests.flatMap((request, i): CopyAddress[] => {
    const pool = own[i]
    if (pool === undefined) return []
    return [{ snapshot: request.address, pool, request, standing: standingOf(pool, back) }]
  })
  const choosable = { snapshot: { balance: upstream.balance }, addresses }
  const dropped = new Set(CREDENTIALS.filter(name => !keepHeaders.includes(name)))

  function fieldsFor(copy: RequestCopy, address: AddressSnapshot, length: number): string[] {
    const fields = [...copy.fields]
    dropFields(fields, dropped)
    if (rewrite !== null) rewriteFields(fields, rewrite)
    if (length > 0 || copy.body !== null) fields.push('content-length', String(length))
    fields.push('x-sluice-shadow', '1', 'host', rewrite?.host ?? authorityOf(address))
    return fields
  }

  return {
    isAway: () =>
      addresses.every(({ snapshot, standing }) => snapshot.ramp <= 0 || standing.ejectedUntil > 0),
    send(copy, body, limits, done) {
      const address = chooseAddress(choosable, copy.unitHash, null, performance.now())
      if (address === null || address.standing.ejectedUntil > 0) {
        done({ ...NO_ANSWER, outcome: 'connect', held: 0, lateMs: 0 })
        return
      }
      const { snapshot, standing, pool } = address
      standing.inFlight++
      const call = new CopiedCall(limits, answer => {
        standing.inFlight--
        if (answer.outcome === 'connect' && standing.ejectedUntil === 0) void eject(address, pools)
        done(answer)
      })
      const serverName = snapshot.secure ? (tls?.serverName ?? snapshot.hostname) : undefined
      pool.dispatch(
        {
          path: rewrittenTarget(copy.target, rewrite),
          method: copy.method,
          headers: fieldsFor(copy, snapshot, body?.length ?? 0),
          body: body === null ? null : Buffer.from(body.buffer, body.byteOffset, body.length),
          ...(serverName === undefined ? {} : { servername: serverName })
        },
        call
      )
    }
  }
}

function standingOf(pool: Pool, back: () => void): Standing {
  const standing = standings.get(pool) ?? { inFlight: 0, ejectedUntil: 0, back }
  standing.back = back
  standings.set(pool, standing)
  return standing
}

/** Knocks until the address can be connected to, or nobody asks for it any more. Never rejects. */
async function eject({ standing, pool, request }: CopyAddress, pools: Pools): Promise<void> {
  standing.ejectedUntil = Number.POSITIVE_INFINITY
  let wait = FIRST_KNOCK_MS
  do {
    await delay(wait)
    wait = Math.min(LONGEST_KNOCK_MS, 2 * wait)
    if (pool.closed || pool.destroyed) return
  } while (!(await pools.canConnect(request)))
  standing.ejectedUntil = 0
  standing.back()
}
