/**
 * What Redis does for us in one step each. The scripts compare, write and count; what an operation means is
 * decided in domain/operations.ts alone, so that the store and the file driver can never disagree about it.
 *
 * Keys of a route share the hash tag `{route}`, so each script stays in one slot of a cluster. A digest is the
 * SHA-1 of the stored bytes: two documents of the same revision with different content are different.
 */
import { createHash } from 'node:crypto'

export type Script = { readonly name: string; readonly lua: string; readonly sha: string }

/** Keys of one route: document, audit stream, replicas. */
export type RouteKeys = { readonly doc: string; readonly log: string; readonly seen: string }

export function routeKeys(prefix: string, route: string): RouteKeys {
  const base = `${prefix}:{${route}}`
  return { doc: `${base}:doc`, log: `${base}:log`, seen: `${base}:seen` }
}

/** Key of the counts of a variant; the script adds the number of the slot. */
export function countsKey(prefix: string, route: string, variant: string): string {
  return `${prefix}:{${route}}:c:${variant}`
}

/** The one channel on which changes are hinted at. */
export function hintChannel(prefix: string): string {
  return `${prefix}:chg`
}

/** Stands for "route" where an audit entry has none; no route can be called so. */
export const NO_ROUTE = '_'

/** Larger than any document that the API can make; a longer value is never read. Bytes. */
export const MAX_VALUE = 8 * 1024 * 1024

const STATE = `
local function digest(key)
  local size = redis.call('STRLEN', key)
  if size == 0 then return '' end
  if size > ${MAX_VALUE} then return 'size:' .. size end
  return redis.sha1hex(redis.call('GET', key))
end
local function head(key)
  local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  if not last then return '', '' end
  return last[1], last[2][2]
end
`

/**
 * KEYS doc, log, seen; ARGV the digest that the caller knows. Gives seconds and microseconds of the store's
 * time, the digest, the document unless it is the known one or too long, id and SHA-256 of the newest audit
 * entry, and all of `seen`.
 */
export const READ = script(
  'read',
  `${STATE}
local now = digest(KEYS[1])
local text = ''
if now ~= '' and now ~= ARGV[1] and string.sub(now, 1, 5) ~= 'size:' then
  text = redis.call('GET', KEYS[1])
end
local id, sha = head(KEYS[2])
local time = redis.call('TIME')
return { time[1], time[2], now, text, id, sha, redis.call('HGETALL', KEYS[3]) }
`
)

/**
 * KEYS doc, log; ARGV digest and newest audit id that the caller saw, the new document ('' leaves it), id,
 * SHA-256 and text of the audit entry ('' for none), how many entries to keep, channel ('' for none), hint.
 * Gives 'ok', or 'stale' when either has changed, and then nothing was written. Whatever could fail comes before
 * the first command that writes, and a hint that may not be published fails nothing: the poll brings the change.
 */
export const WRITE = script(
  'write',
  `${STATE}
local id = head(KEYS[2])
if digest(KEYS[1]) ~= ARGV[1] or id ~= ARGV[2] then return 'stale' end
if redis.acl_check_cmd and not (
  redis.acl_check_cmd('XADD', KEYS[2], '*', 'f', 'v') and redis.acl_check_cmd('SET', KEYS[1], 'v')
) then
  return redis.error_reply('NOPERM this user may not SET and XADD the keys of a route')
end
if ARGV[4] ~= '' then
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[7], ARGV[4], 'sha256', ARGV[5], 'entry', ARGV[6])
end
if ARGV[3] ~= '' then redis.call('SET', KEYS[1], ARGV[3]) end
if ARGV[8] ~= '' then redis.pcall('PUBLISH', ARGV[8], ARGV[9]) end
return 'ok'
`
)

/**
 * KEYS seen; ARGV replica, what it tells, seconds until it is forgotten. The store's time in microseconds goes
 * before the text; replicas that were silent for that long are removed.
 */
export const ANNOUNCE = script(
  'announce',
  `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local at = tonumber(string.match(all[i + 1], '^%d+')) or 0
  if now - at > ARGV[3] * 1000000 then redis.call('HDEL', KEYS[1], all[i]) end
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %s', now, ARGV[2]))
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 'ok'
`
)

function script(name: string, lua: string): Script {
  return { name, lua, sha: createHash('sha1').update(lua).digest('hex') }
}
