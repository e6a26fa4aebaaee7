/**
 * Which upstream addresses may be given at run time, through the API (admin-api.md, security).
 *
 * Whoever holds an admin token decides where requests go, so this is what keeps a stolen token from reading
 * cloud credentials or speaking to what shares our host: only plain http and https origins; never link-local,
 * metadata, unspecified or multicast addresses; never our own listeners or a store; loopback only where the
 * static file names that very address. A URL is checked when it is set, and every address that its name has
 * is checked before it is connected to, because a name can change its mind.
 */
import {
  type Ip,
  inNetwork,
  ipText,
  mapped,
  type Network,
  parseIp,
  parseNetwork,
  v4Of
} from './ip.ts'

export type AddressRules = {
  readonly ownPorts: readonly number[] // of our listeners
  readonly ownAddresses: readonly string[] // of this machine's interfaces
  readonly stores: readonly { readonly host: string; readonly port: number }[] // Redis, Kafka as configured
  readonly named: ReadonlySet<string> // `host:port` of every upstream in the static file
}

export type ApiUpstream = {
  readonly secure: boolean
  readonly hostname: string // lower case, no brackets
  readonly port: number
}

/** The parts of an upstream URL from the API, or a fault: a clause that ends a sentence. */
export function checkUpstreamUrl(
  url: string,
  rules: AddressRules
): { readonly upstream: ApiUpstream } | { readonly fault: string } {
  const upstream = partsOf(url)
  if (typeof upstream === 'string') return { fault: upstream }
  const { hostname, port } = upstream
  if (rules.stores.some(store => store.host === hostname && store.port === port))
    return { fault: 'it is our own store' }
  const fault =
    parseIp(hostname) === null
      ? nameFault(hostname, port, rules)
      : addressFault(hostname, hostname, port, rules)
  return fault === null ? { upstream } : { fault }
}

/** What forbids to connect to `ip`, an address of `hostname`; null when nothing does. */
export function addressFault(
  ip: string,
  hostname: string,
  port: number,
  rules: AddressRules
): string | null {
  const address = parseIp(ip)
  if (address === null) return 'it is not an IP address'
  const inner = embedded(address)
  const text = ipText(inner)
  for (const [network, what] of NEVER) if (inNetwork(network, inner)) return `${text} is ${what}`
  if (STORE_PORTS.includes(port)) return `port ${port} belongs to a store`
  if (rules.stores.some(store => store.host === text && store.port === port))
    return 'it is our own store'
  const loopback = LOOPBACK.some(network => inNetwork(network, inner))
  const ours = loopback || rules.ownAddresses.some(own => textOf(own) === text)
  if (ours && rules.ownPorts.includes(port)) return 'it is a listener of our own'
  if (loopback && !rules.named.has(`${hostname}:${port}`))
    return `${text} is loopback and the configuration file does not name ${hostname}:${port}`
  return null
}

const STORE_PORTS: readonly number[] = [6379, 9092] // Redis, Kafka

const LOOPBACK = networks('127.0.0.0/8', '::1')

const NEVER: readonly (readonly [Network, string])[] = [
  ...networks('0.0.0.0/8', '::').map(network => [network, 'unspecified'] as const),
  ...networks(
    '169.254.169.254',
    '169.254.170.2',
    'fd00:ec2::254',
    'fd20:ce::254',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192'
  ).map(network => [network, 'a metadata service'] as const),
  ...networks('169.254.0.0/16', 'fe80::/10').map(network => [network, 'link-local'] as const),
  ...networks('224.0.0.0/4', 'ff00::/8').map(network => [network, 'multicast'] as const),
  ...networks('240.0.0.0/4').map(network => [network, 'reserved'] as const)
]

const METADATA_NAMES: readonly string[] = [
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'instance-data',
  'instance-data.ec2.internal'
]

/** IPv6 forms that carry an IPv4 address: NAT64 (RFC 6052), 6to4 (RFC 3056), IPv4-compatible (RFC 4291). */
function embedded(ip: Ip): Ip {
  if (v4Of(ip) !== null) return ip
  const [a = 0, b = 0, c = 0] = ip
  const last = (((ip[6] ?? 0) << 16) | (ip[7] ?? 0)) >>> 0
  if (inNetwork(NAT64, ip)) return mapped(last)
  if (a === 0x2002) return mapped(((b << 16) | c) >>> 0)
  return inNetwork(COMPATIBLE, ip) && last > 1 ? mapped(last) : ip
}

const NAT64: Network = { ip: Uint16Array.of(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), bits: 96 }
const COMPATIBLE: Network = { ip: new Uint16Array(8), bits: 96 }

function nameFault(hostname: string, port: number, rules: AddressRules): string | null {
  const name = hostname.endsWith('.') ? hostname.slice(0, -1) : hostname
  if (METADATA_NAMES.includes(name)) return `${name} is a metadata service`
  if (STORE_PORTS.includes(port)) return `port ${port} belongs to a store`
  const local = name === 'localhost' || name.endsWith('.localhost')
  if (local) return addressFault('127.0.0.1', hostname, port, rules)
  return null
}

/** Strict on purpose: what a URL parser would repair is refused. */
function partsOf(url: string): ApiUpstream | string {
  if (url.length > 2048) return 'it is longer than 2048 characters'
  for (let i = 0; i < url.length; i++) {
    const c = url.charCodeAt(i)
    if (c <= 32 || c >= 127) return 'it holds a space, a control character or one that is not ASCII'
  }
  const lower = url.toLowerCase()
  const scheme = lower.startsWith('http://')
    ? 'http'
    : lower.startsWith('https://')
      ? 'https'
      : null
  if (scheme === null) return 'only http:// and https:// are served'
  const rest = lower.slice(scheme.length + 3)
  if (rest.includes('@')) return 'it holds a user or password'
  const authority = rest.endsWith('/') ? rest.slice(0, -1) : rest
  for (const c of '/\\?#%') {
    if (authority.includes(c)) return 'it must be an origin alone, without path, query or fragment'
  }
  const end = authority.startsWith('[') ? authority.indexOf(']') + 1 : authority.indexOf(':')
  const host = end <= 0 ? authority : authority.slice(0, end)
  const port = portOf(authority.slice(host.length), scheme === 'https' ? 443 : 80)
  if (port === null) return 'its port is not a number from 1 to 65535'
  const hostname = hostOf(host)
  if (hostname === null) return 'its host is not a name or an address as one writes it'
  return { secure: scheme === 'https', hostname, port }
}

function portOf(text: string, standard: number): number | null {
  if (text === '') return standard
  if (!text.startsWith(':') || text.length < 2 || text.length > 6) return null
  let port = 0
  for (let i = 1; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return null
    port = port * 10 + digit
  }
  return port >= 1 && port <= 65_535 ? port : null
}

/** A name, or a literal address in its one spelling; null for hex, octal, short and other odd addresses. */
function hostOf(host: string): string | null {
  if (host.startsWith('[')) {
    const ip = host.endsWith(']') && !host.includes('%') ? parseIp(host.slice(1, -1)) : null
    return ip === null || !host.includes(':') ? null : ipText(ip)
  }
  const labels = (host.endsWith('.') ? host.slice(0, -1) : host).split('.')
  if (host.length > 254 || !labels.every(isLabel)) return null
  if (!isNumeric(labels.at(-1) ?? '')) return host
  return parseIp(host) === null ? null : host
}

function isLabel(label: string): boolean {
  if (label.length === 0 || label.length > 63) return false
  if (label.startsWith('-') || label.endsWith('-')) return false
  for (const c of label) if (!LABEL_CHARACTERS.includes(c)) return false
  return true
}

const LABEL_CHARACTERS = 'abcdefghijklmnopqrstuvwxyz0123456789-_'

/** Whether a resolver would take a host that ends in this label for an address (WHATWG URL, 3.5). */
function isNumeric(label: string): boolean {
  const hex = label.startsWith('0x')
  const digits = hex ? '0123456789abcdef' : '0123456789'
  for (const c of hex ? label.slice(2) : label) if (!digits.includes(c)) return false
  return true
}

function textOf(ip: string): string {
  const parsed = parseIp(ip)
  return parsed === null ? '' : ipText(parsed)
}

function networks(...texts: readonly string[]): Network[] {
  return texts.flatMap(text => parseNetwork(text) ?? [])
}
