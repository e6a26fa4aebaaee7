/**
 * Where copies of one shadow go: the addresses of its variant with pools of their own, and the fields that a
 * copy has there. A copy is marked as one, carries no credentials unless they are kept, and has the host of the
 * shadow (shadow.md, rule 6).
 *
 * An address that cannot be connected to is left alone for a while: a connection for each copy would tell nothing
 * new, and cost as much as an answer.
 */
import type { Pool } from 'undici'
import { dropFields, rewriteFields, rewrittenTarget } from '../domain/rewrite.ts'
import { CREDENTIALS, type ShadowSettings } from '../domain/shadow.ts'
import { NO_ANSWER, type RequestCopy } from '../domain/shadow-copy.ts'
import type { ShadowUpstream } from '../domain/shadow-messages.ts'
import type { AddressSnapshot } from '../domain/snapshot.ts'
import { authorityOf } from '../upstream-connection/authority.ts'
import { chooseAddress } from '../upstream-connection/choose.ts'
import type { Pools } from '../upstream-connection/pools.ts'
import { type CallLimits, type CopiedAnswer, CopiedCall } from './copied-call.ts'

type CopyAddress = {
  readonly snapshot: AddressSnapshot
  readonly standing: Standing
  readonly pool: Pool
}

/** Times in ms. `away` is how long it was left alone last, 0 for an address that can be connected to. */
type Standing = { inFlight: number; ejectedUntil: number; away: number }

const FIRST_AWAY_MS = 100 // doubled each time in a row
const LONGEST_AWAY_MS = 1_000

export type CopyUpstream = {
  /** How long no address can be tried from `now` on, in ms; 0 when one can. */
  awayMs(now: number): number
  /** Sends a copy; `done` is called once. While no address can be tried it ends as `connect`. */
  send(
    copy: RequestCopy,
    body: Uint8Array | null,
    limits: CallLimits,
    done: (answer: CopiedAnswer) => void
  ): void
}

/** `owner` names the pools, which are shared with nobody else. */
export function copyUpstream(
  owner: string,
  upstream: ShadowUpstream,
  settings: Pick<ShadowSettings, 'keepHeaders'>,
  connectMs: number,
  pools: Pools
): CopyUpstream {
  const { addresses: snapshots, variant, tls, keepAliveMs, rewrite } = upstream
  const own = pools.take(
    owner,
    snapshots.map(address => ({ variant, address, tls, keepAliveMs, connectMs }))
  )
  const addresses = snapshots.flatMap((snapshot, i): CopyAddress[] => {
    const pool = own[i]
    return pool === undefined
      ? []
      : [{ snapshot, pool, standing: { inFlight: 0, ejectedUntil: 0, away: 0 } }]
  })
  const choosable = { snapshot: { balance: upstream.balance }, addresses }
  const dropped = new Set(CREDENTIALS.filter(name => !settings.keepHeaders.includes(name)))

  function fieldsFor(copy: RequestCopy, address: AddressSnapshot, length: number): string[] {
    const fields = [...copy.fields]
    dropFields(fields, dropped)
    if (rewrite !== null) rewriteFields(fields, rewrite)
    if (length > 0 || copy.body !== null) fields.push('content-length', String(length))
    fields.push('x-sluice-shadow', '1', 'host', rewrite?.host ?? authorityOf(address))
    return fields
  }

  return {
    awayMs(now) {
      let least = LONGEST_AWAY_MS // also where there is no address at all
      for (const { snapshot, standing } of addresses) {
        if (snapshot.ramp > 0) least = Math.min(least, standing.ejectedUntil - now)
      }
      return Math.max(0, least)
    },
    send(copy, body, limits, done) {
      const now = performance.now()
      const address = chooseAddress(choosable, copy.unitHash, null, now)
      if (address === null || address.standing.ejectedUntil > now) {
        done({ ...NO_ANSWER, outcome: 'connect', held: 0 })
        return
      }
      const { snapshot, standing, pool } = address
      standing.inFlight++
      const call = new CopiedCall(limits, answer => {
        standing.inFlight--
        judge(standing, answer.outcome === 'connect', performance.now())
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

function judge(standing: Standing, refused: boolean, now: number): void {
  if (!refused) {
    standing.away = 0
    standing.ejectedUntil = 0
  } else if (standing.ejectedUntil <= now) {
    standing.away = Math.min(LONGEST_AWAY_MS, 2 * standing.away || FIRST_AWAY_MS)
    standing.ejectedUntil = now + standing.away
  }
}
