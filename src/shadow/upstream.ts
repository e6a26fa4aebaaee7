/**
 * Where copies of one shadow go: the addresses of its variant with pools of their own, and the fields that a
 * copy has there. A copy is marked as one, carries no credentials unless they are kept, and has the host of the
 * shadow (shadow.md, rule 6).
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
  readonly standing: { inFlight: number; readonly ejectedUntil: number }
  readonly pool: Pool
}

export type CopyUpstream = {
  /** Sends a copy; `done` is called once. */
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
      : [{ snapshot, pool, standing: { inFlight: 0, ejectedUntil: 0 } }]
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
    send(copy, body, limits, done) {
      const address = chooseAddress(choosable, copy.unitHash, null, performance.now())
      if (address === null) {
        done({ ...NO_ANSWER, outcome: 'connect', held: 0 })
        return
      }
      const { snapshot, standing, pool } = address
      standing.inFlight++
      const call = new CopiedCall(limits, answer => {
        standing.inFlight--
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
