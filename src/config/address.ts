/**
 * Addresses of a configuration: where to listen, origins of upstreams, hosts and paths of a match.
 *
 * Exports: `parseListen`, `isLoopback`, `parseOrigin`, `Origin`, `parseAuthority`, `faultOfHost`, `faultOfPath`.
 *
 * Strict: what a URL parser would repair (short or hexadecimal IPv4, backslashes, default schemes) is refused
 * with what to write instead. A fault is a sentence without its subject.
 */
import { ipText, parseIp, v4Of } from '../domain/ip.ts'

export type Origin = {
  readonly url: string // scheme://host[:port], lower case
  readonly secure: boolean
  readonly hostname: string // no brackets
  readonly port: number
}

const LATER =
  'HTTP/2 and gRPC upstreams are not available in this version; only http:// and https:// are'
const LATER_SCHEMES = ['grpc', 'grpcs', 'h2', 'h2c', 'http2']
const LABELS =
  /^(?=.{1,253}\.?$)([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?$/
const NUMERIC_END = /(^|\.)(0x[0-9a-f]*|[0-9]+)\.?$/i

/** `0.0.0.0:8080`, `[::1]:0`, `localhost:9911`; null when it is none of these. */
export function parseListen(text: string): { readonly host: string; readonly port: number } | null {
  const match = /^(\[[^\]]+\]|[^:[\]]+):([0-9]{1,5})$/.exec(text)
  if (!match) return null
  const host = bare(match[1] ?? '')
  const port = Number(match[2])
  const bracketed = match[1]?.startsWith('[') ?? false
  if (port > 65_535 || !isHost(host) || bracketed !== host.includes(':')) return null
  return { host, port }
}

/** Whether only this machine can reach it. */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === 'localhost') return true
  const ip = parseIp(host)
  if (ip === null) return false
  const v4 = v4Of(ip)
  return v4 === null ? ipText(ip) === '::1' : v4 >>> 24 === 127
}

/** An http or https origin, or what is wrong with it. */
export function parseOrigin(text: string): Origin | string {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(text)?.[1]?.toLowerCase()
  if (scheme === undefined) return 'must start with http:// or https://'
  if (LATER_SCHEMES.includes(scheme)) return LATER
  if (scheme !== 'http' && scheme !== 'https') return `${scheme}:// is not http:// or https://`
  const rest = text.slice(scheme.length + 3)
  if (rest.includes('@'))
    return 'must not hold a user or password; set a header with rewrite instead'
  const authority = rest.endsWith('/') ? rest.slice(0, -1) : rest
  if (/[/?#\\]/.test(authority)) {
    return 'must be an origin alone, without path, query or fragment; use rewrite.path to change paths'
  }
  const parts = parseAuthority(authority)
  if (parts === null) return 'has no valid host and port'
  const secure = scheme === 'https'
  const { host: hostname } = parts
  const port = parts.port ?? (secure ? 443 : 80)
  if (port < 1 || port > 65_535) return 'has a port that is not from 1 to 65535'
  const shown = hostname.includes(':') ? `[${hostname}]` : hostname
  const standard = port === (secure ? 443 : 80)
  return { url: `${scheme}://${shown}${standard ? '' : `:${port}`}`, secure, hostname, port }
}

/**
 * `host`, `host:port`, `[::1]:port` of a URL: host in lower case without brackets, IPv6 in its shortest form;
 * port null where there is none, and not checked for its range. Null when it is none of these.
 */
export function parseAuthority(
  text: string
): { readonly host: string; readonly port: number | null } | null {
  const match = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]]*)(?::([0-9]{1,5}))?$/.exec(text)
  if (!match) return null
  const host = bare(match[1] ?? '').toLowerCase()
  const bracketed = match[1]?.startsWith('[') ?? false
  if (!isHost(host) || bracketed !== host.includes(':')) return null
  const ip = bracketed ? parseIp(host) : null
  const shortest = ip && v4Of(ip) === null ? ipText(ip) : host
  return { host: shortest, port: match[2] === undefined ? null : Number(match[2]) }
}

/** What is wrong with a host of a match or of the admin; null when nothing is. */
export function faultOfHost(text: string, port: 'no port' | 'port allowed'): string | null {
  if (text.includes('*')) return 'wildcards are not supported; leave hosts out to match any'
  if (text.includes('://')) return 'is a URL; write the host alone'
  const withPort = /^(\[[^\]]*\]|[^:]*):([0-9]{1,5})$/.exec(text)
  if (withPort && port === 'no port')
    return 'carries a port; the port of Host is ignored, write the host alone'
  const host = withPort ? (withPort[1] ?? '') : text
  if (withPort && Number(withPort[2]) > 65_535) return 'has a port that is not from 0 to 65535'
  const bracketed = host.startsWith('[') && host.endsWith(']')
  if (host.includes(':') && !bracketed)
    return 'is not a valid host; write an IPv6 address in brackets'
  return isHost(bare(host)) && bracketed === host.includes(':') ? null : 'is not a valid host'
}

/** What is wrong with a path of a match; null when nothing is. Requests with such paths never arrive. */
export function faultOfPath(text: string): string | null {
  if (text.startsWith('^') || text.includes('*')) {
    return 'patterns are not supported; end a path in "/" to match everything under it'
  }
  if (!text.startsWith('/')) return 'must start with "/"'
  if (/[?#]/.test(text)) return 'must be a path alone, without query or fragment'
  if (!/^[\x21-\x7e]+$/.test(text) || /[\\"<>^`{|}]/.test(text)) {
    return 'holds a character that no path may hold; write it as %XX'
  }
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return 'holds a % that is not followed by two hex digits'
  const plain = text.replace(/%2e/gi, '.').replace(/%2f/gi, '/')
  if (plain.split('/').some(segment => segment === '.' || segment === '..')) {
    return 'holds a dot segment; such requests are refused'
  }
  return null
}

/** An IP address as one writes it, or a name. A name that ends in a number would be read as an address. */
function isHost(host: string): boolean {
  if (host.includes(':')) return !host.includes('%') && parseIp(host) !== null
  if (NUMERIC_END.test(host)) return parseIp(host) !== null
  return LABELS.test(host)
}

function bare(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
}
