/**
 * What a reload changes in the settings of the shared store. The connection is made once, at the start.
 *
 * Exports: `redisRefusals`, `redisRenewals`. Pure; never shows a value, for some are secrets.
 *
 * Renewed certificates must not block a reload, as those of listeners. A password that rotates does: it says
 * now, and not at the next start, that this process knows an old one.
 */
import { isDeepStrictEqual } from 'node:util'
import type { RedisSettings } from './config.ts'

type Settings = RedisSettings | null

/** Nothing where the driver changes too, which is refused by itself. */
export function redisRefusals(running: Settings, next: Settings): readonly string[] {
  if (running === null || next === null) return []
  const settings = FIXED.filter(([, of]) => !isDeepStrictEqual(of(running), of(next))).map(
    ([key]) =>
      `state.redis.${key} cannot change while the process runs; restart it, or put the old value back`
  )
  const passwords = PASSWORDS.filter(([, of]) => of(running) !== of(next)).map(
    ([key]) =>
      `state.redis.${key} cannot change while the process runs, also where its file or variable is the same; restart one replica after the other while Redis accepts both passwords, or put the old one back`
  )
  return [...settings, ...passwords]
}

export function redisRenewals(running: Settings, next: Settings): readonly string[] {
  if (!running?.tls || !next?.tls || isDeepStrictEqual(pemOf(running), pemOf(next))) return []
  return ['state.redis.tls: the certificates have changed; the old ones are used until a restart']
}

const FIXED: readonly (readonly [string, (of: RedisSettings) => unknown])[] = [
  ['url', ({ nodes, database, tls }) => ({ nodes, database, secure: tls !== null })],
  ['prefix', ({ prefix }) => prefix],
  ['username', ({ username }) => username],
  ['sentinel', ({ sentinel }) => sentinel && [sentinel.master, sentinel.username]],
  ['cluster', ({ mode }) => mode === 'cluster'],
  ['tls.serverName', ({ tls }) => tls?.serverName]
]

const PASSWORDS: readonly (readonly [string, (of: RedisSettings) => string | null])[] = [
  ['password', ({ password }) => password],
  ['sentinel.password', ({ sentinel }) => sentinel?.password ?? null]
]

function pemOf({ tls }: RedisSettings): unknown {
  return [tls?.ca, tls?.cert, tls?.key]
}
