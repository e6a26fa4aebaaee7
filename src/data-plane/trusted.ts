/**
 * Whom we believe: peers in `trustedProxies` may say who the client is and open overrides `from: trusted`.
 *
 * IPv4, IPv6 and IPv4-mapped peers are compared in one form. The client's address is read from the right of
 * X-Forwarded-For (or of Forwarded, RFC 7239, where there is none): the first address that is no trusted proxy;
 * what stands left of it anybody could have written.
 */
import { combinedHeader, type RequestFacts } from '../domain/facts.ts'
import { type Ip, inNetwork, ipText, parseIp, parseNetwork } from '../domain/ip.ts'

/** Tells whether an address, as text, is a trusted proxy's. */
export type Trusts = (address: string) => boolean

/** Entries that are no network are left out; the configuration has been checked for them. */
export function trustsOf(cidrs: readonly string[]): Trusts {
  const networks = cidrs.flatMap(cidr => parseNetwork(cidr) ?? [])
  if (networks.length === 0) return () => false
  let lastText = ''
  let lastAnswer = false
  return address => {
    if (address === lastText) return lastAnswer
    const ip = parseIp(address)
    lastText = address
    lastAnswer = ip !== null && networks.some(network => inNetwork(network, ip))
    return lastAnswer
  }
}

/** The client's address in its one spelling, or null where the peer has none (a closed socket). */
export function clientAddressOf(facts: RequestFacts, trusts: Trusts): string | null {
  const peer = parseIp(facts.peer)
  if (peer === null) return null
  let client = peer
  if (!trusts(facts.peer)) return ipText(client)
  const hops = forwardedFor(facts)
  for (let i = hops.length - 1; i >= 0; i--) {
    const hop = hopAddress(hops[i] ?? '')
    if (hop === null) break
    client = hop
    if (!trusts(ipText(hop))) break
  }
  return ipText(client)
}

/** Whether the client spoke TLS: to us, or as a trusted proxy says. */
export function clientSecure(facts: RequestFacts, trusted: boolean): boolean {
  if (facts.secure || !trusted) return facts.secure
  return combinedHeader(facts.rawHeaders, 'x-forwarded-proto')?.toLowerCase() === 'https'
}

function forwardedFor(facts: RequestFacts): readonly string[] {
  const list = combinedHeader(facts.rawHeaders, 'x-forwarded-for')
  if (list !== null) return list.split(',')
  const forwarded = combinedHeader(facts.rawHeaders, 'forwarded')
  return forwarded === null ? [] : forwarded.split(',').map(forParameter)
}

function forParameter(element: string): string {
  for (const pair of element.split(';')) {
    const equals = pair.indexOf('=')
    if (equals === -1 || pair.slice(0, equals).trim().toLowerCase() !== 'for') continue
    const value = pair.slice(equals + 1).trim()
    return value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
  }
  return ''
}

/** `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`. */
function hopAddress(text: string): Ip | null {
  const hop = text.trim()
  if (hop.startsWith('[')) {
    const end = hop.indexOf(']')
    return end === -1 ? null : parseIp(hop.slice(1, end))
  }
  const colon = hop.indexOf(':')
  const withPort = colon !== -1 && hop.indexOf(':', colon + 1) === -1
  return parseIp(withPort ? hop.slice(0, colon) : hop)
}
