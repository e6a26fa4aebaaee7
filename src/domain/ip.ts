/**
 * IP addresses and networks as numbers: strict parsing, one form for both families.
 *
 * An address is eight 16-bit groups; an IPv4 address takes its IPv4-mapped place (RFC 4291 section 2.5.5.2), so
 * the two spellings of one peer are equal. Only the dotted-decimal form of IPv4 is an address here; other
 * spellings (hex, octal, short) are read by upstream-address.ts, which must know what a resolver makes of them.
 */
export type Ip = Uint16Array // 8 groups

export type Network = { readonly ip: Ip; readonly bits: number } // bits of the mapped form, 0..128

/** The address, or null. A zone (`%eth0`) belongs to a link-local peer and is cut off. */
export function parseIp(text: string): Ip | null {
  if (!text.includes(':')) {
    const v4 = parseV4(text, 0, text.length)
    return v4 < 0 ? null : mapped(v4)
  }
  const zone = text.indexOf('%')
  return parseV6(zone === -1 ? text : text.slice(0, zone))
}

/** `10.0.0.0/8`, `fd00::/8`, or one address; null where it is none. */
export function parseNetwork(text: string): Network | null {
  const slash = text.indexOf('/')
  const ip = parseIp(slash === -1 ? text : text.slice(0, slash))
  if (ip === null) return null
  const v4 = !text.includes(':')
  if (slash === -1) return { ip, bits: 128 }
  const bits = decimal(text, slash + 1, text.length, v4 ? 32 : 128)
  return bits < 0 ? null : { ip, bits: v4 ? bits + 96 : bits }
}

export function inNetwork(network: Network, ip: Ip): boolean {
  for (let group = 0; group * 16 < network.bits; group++) {
    const left = network.bits - group * 16
    const mask = left >= 16 ? 0xffff : (0xffff << (16 - left)) & 0xffff
    if ((((ip[group] ?? 0) ^ (network.ip[group] ?? 0)) & mask) !== 0) return false
  }
  return true
}

/** One text for one address: dotted decimal for IPv4 and mapped, RFC 5952 for IPv6. */
export function ipText(ip: Ip): string {
  const v4 = v4Of(ip)
  if (v4 !== null) return `${v4 >>> 24}.${(v4 >>> 16) & 255}.${(v4 >>> 8) & 255}.${v4 & 255}`
  const groups = [...ip].map(group => group.toString(16))
  const gap = longestZeros(ip)
  if (gap.length < 2) return groups.join(':')
  return `${groups.slice(0, gap.start).join(':')}::${groups.slice(gap.start + gap.length).join(':')}`
}

/** The 32 bits of an IPv4 or IPv4-mapped address, or null. */
export function v4Of(ip: Ip): number | null {
  for (let i = 0; i < 5; i++) if (ip[i] !== 0) return null
  if (ip[5] !== 0xffff) return null
  return (((ip[6] ?? 0) << 16) | (ip[7] ?? 0)) >>> 0
}

/** An IPv4 address, 32 bits, in its IPv4-mapped place. */
export function mapped(v4: number): Ip {
  return Uint16Array.of(0, 0, 0, 0, 0, 0xffff, v4 >>> 16, v4 & 0xffff)
}

function parseV6(text: string): Ip | null {
  const groups: number[] = []
  let gap = -1
  let at = 0
  if (text.startsWith('::')) {
    gap = 0
    at = 2
  }
  while (at < text.length) {
    if (groups.length === 8) return null
    const colon = text.indexOf(':', at)
    const end = colon === -1 ? text.length : colon
    if (colon === -1 && text.indexOf('.', at) !== -1) {
      const v4 = parseV4(text, at, end)
      if (v4 < 0 || groups.length > 6) return null
      groups.push(v4 >>> 16, v4 & 0xffff)
      break
    }
    const group = hexGroup(text, at, end)
    if (group < 0) return null
    groups.push(group)
    if (colon === -1) break
    at = colon + 1
    if (at === text.length) return null
    if (text[at] !== ':') continue
    if (gap >= 0) return null
    gap = groups.length
    at++
  }
  return filled(groups, gap)
}

function filled(groups: readonly number[], gap: number): Ip | null {
  if (gap < 0) return groups.length === 8 ? Uint16Array.from(groups) : null
  if (groups.length > 7) return null
  const zeros = new Array<number>(8 - groups.length).fill(0)
  return Uint16Array.from([...groups.slice(0, gap), ...zeros, ...groups.slice(gap)])
}

/** 32 bits, or -1. Four decimal parts without leading zeros. */
function parseV4(text: string, from: number, to: number): number {
  let value = 0
  let start = from
  for (let part = 0; part < 4; part++) {
    const dot = part === 3 ? to : text.indexOf('.', start)
    if (dot === -1 || dot > to) return -1
    const byte = decimal(text, start, dot, 255)
    if (byte < 0) return -1
    value = value * 256 + byte
    start = dot + 1
  }
  return value
}

function decimal(text: string, from: number, to: number, max: number): number {
  if (to <= from || to - from > 3) return -1
  if (to - from > 1 && text.charCodeAt(from) === 48) return -1
  let value = 0
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 48
    if (!(digit >= 0 && digit <= 9)) return -1
    value = value * 10 + digit
  }
  return value > max ? -1 : value
}

function hexGroup(text: string, from: number, to: number): number {
  if (to <= from || to - from > 4) return -1
  let value = 0
  for (let i = from; i < to; i++) {
    const c = text.charCodeAt(i)
    const lower = c | 32
    if (c >= 48 && c <= 57) value = value * 16 + c - 48
    else if (lower >= 97 && lower <= 102) value = value * 16 + lower - 87
    else return -1
  }
  return value
}

function longestZeros(ip: Ip): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 }
  for (let i = 0; i < 8; i++) {
    let end = i
    while (end < 8 && ip[end] === 0) end++
    if (end - i > best.length) best = { start: i, length: end - i }
  }
  return best
}
