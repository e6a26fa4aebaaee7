/**
 * Addresses that we never connect to, looked at when the connection is made and not only when it is configured:
 * link-local and metadata services, and our own listeners, to which a request would come back for ever.
 */
import { networkInterfaces } from 'node:os'

export type Forbidden = {
  /** The reason why this address may not be used, or null. */
  readonly reason: (ip: string, port: number) => 'link-local' | 'metadata' | 'loop' | null
  /** Adds a port of ours that became known later. */
  readonly addPort: (port: number) => void
}

/** `ports` are those of our own listeners and stores on this host. */
export function forbidden(ports: readonly number[]): Forbidden {
  const own = new Set(ports)
  let addresses: ReadonlySet<string> | null = null
  return {
    addPort: port => own.add(port),
    reason: (ip, port) => {
      const plain = withoutMapping(ip.toLowerCase())
      if (METADATA.has(plain)) return 'metadata'
      if (isLinkLocal(plain)) return 'link-local'
      if (!own.has(port)) return null
      addresses ??= localAddresses()
      return isLoopback(plain) || addresses.has(plain) ? 'loop' : null
    }
  }
}

const METADATA: ReadonlySet<string> = new Set([
  '169.254.169.254',
  '169.254.170.2',
  '100.100.100.200',
  'fd00:ec2::254'
])

/** `::ffff:a.b.c.d` is a.b.c.d. */
function withoutMapping(ip: string): string {
  return ip.startsWith('::ffff:') && ip.includes('.') ? ip.slice('::ffff:'.length) : ip
}

function isLinkLocal(ip: string): boolean {
  if (ip.startsWith('169.254.')) return true
  const first = ip.slice(0, 3)
  return (
    ip.includes(':') && (first === 'fe8' || first === 'fe9' || first === 'fea' || first === 'feb')
  )
}

function isLoopback(ip: string): boolean {
  return ip.startsWith('127.') || ip === '::1' || ip === '0.0.0.0' || ip === '::'
}

function localAddresses(): ReadonlySet<string> {
  const found = new Set<string>()
  for (const list of Object.values(networkInterfaces())) {
    for (const entry of list ?? []) found.add(entry.address.toLowerCase())
  }
  return found
}
