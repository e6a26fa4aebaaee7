/**
 * The address of a Redis server, sentinel or cluster node as a URL: `redis://host:port/database`.
 *
 * Exports: `parseRedisUrl`, `RedisUrl`, `urlsOf`.
 *
 * Strict, as in address.ts. What a URL could hide (user, password, settings in a query) is refused, and a fault
 * is a sentence that never quotes the URL, for the password that should not be there may be in it.
 */
import { parseAuthority } from './address.ts'

export type RedisUrl = {
  readonly secure: boolean // rediss://
  readonly host: string // no brackets
  readonly port: number | null // null: not given
  readonly database: number | null // null: not given
}

const MAX_DATABASE = 65_535

/** What the URL means, or what is wrong with it. */
export function parseRedisUrl(text: string): RedisUrl | string {
  if (text.includes('@')) {
    return 'must not hold a user or password; write username: NAME and password: { env: NAME } beside url'
  }
  const [, scheme = '', rest = ''] = /^(rediss?):\/\/(.*)$/is.exec(text) ?? []
  if (scheme === '') return 'must start with redis:// or, for TLS, rediss://'
  if (/[?#]/.test(rest)) return 'must not hold a query or fragment; settings are keys beside url'
  const slash = rest.indexOf('/')
  const path = slash < 0 ? '' : rest.slice(slash + 1)
  const database = path === '' ? null : Number(path)
  if (!/^(0|[1-9][0-9]{0,4})?$/.test(path) || (database ?? 0) > MAX_DATABASE) {
    return `has a path that is not the number of a database (0 to ${MAX_DATABASE})`
  }
  const authority = parseAuthority(slash < 0 ? rest : rest.slice(0, slash))
  if (authority === null) return 'has no valid host and port; an IPv6 host stands in brackets'
  const { host, port } = authority
  if (port !== null && (port < 1 || port > 65_535)) return 'has a port that is not from 1 to 65535'
  return { secure: scheme.toLowerCase() === 'rediss', host, port, database }
}

/** `url` as a list: one URL is a list of one. */
export function urlsOf<T>(url: string | readonly T[] | undefined): readonly (string | T)[] {
  if (url === undefined) return []
  return typeof url === 'string' ? [url] : url
}
