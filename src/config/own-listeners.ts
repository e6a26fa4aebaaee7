/**
 * Whether an upstream of the file is one of our own listeners, as far as the file alone can say: addresses and
 * local names. What a name resolves to is known when it is connected to, and a copy that comes back by another
 * way is refused by its Via field.
 *
 * Exports: `ownListeners`, `listenerAt`, `OwnListener`.
 */
import { hostname as machineName, networkInterfaces } from 'node:os'
import { ipText, parseIp } from '../domain/ip.ts'
import { isLoopback, type Origin, parseListen } from './address.ts'
import type { ConfigFile } from './schema.ts'
import type { Loose } from './shape.ts'

export type OwnListener = {
  readonly by: string // key of the file
  readonly host: string
  readonly port: number // 0: the system chooses, and nobody knows it yet
}

type File = Loose<ConfigFile>

/** The listeners that a file asks for, but for those whose address is faulty. */
export function ownListeners(file: File): readonly OwnListener[] {
  const places: readonly (readonly [string, Loose<ConfigFile['listen']> | undefined])[] = [
    ['listen', file.listen],
    ['admin.listen', file.admin?.listen],
    ['telemetry.listen', file.telemetry?.listen]
  ]
  return places.flatMap(([by, listen]) => {
    const text = typeof listen === 'string' ? listen : listen?.address
    const address = text === undefined ? null : parseListen(text)
    return address === null ? [] : [{ by, ...address }]
  })
}

/** The listener that a connection to `origin` would reach; null when it is none of ours. */
export function listenerAt(
  origin: Pick<Origin, 'hostname' | 'port'>,
  listeners: readonly OwnListener[]
): OwnListener | null {
  const addresses = addressesOf(origin.hostname)
  const found = listeners.find(
    ({ host, port }) => port === origin.port && addresses.some(address => accepts(host, address))
  )
  return found ?? null
}

/** A host of ours by each of its addresses, in shortest form; a name of somebody else has none. */
function addressesOf(host: string): readonly string[] {
  const name = host.toLowerCase().replace(/\.$/, '')
  if (name === 'localhost' || name.endsWith('.localhost')) return ['127.0.0.1', '::1']
  if (name === machineName().toLowerCase()) return ['127.0.0.1', '::1', ...interfaces()]
  const ip = parseIp(name)
  if (ip === null) return []
  const text = ipText(ip)
  // A connection to the unspecified address goes to loopback.
  if (text === '0.0.0.0') return ['127.0.0.1']
  return [text === '::' ? '::1' : text]
}

function accepts(listening: string, address: string): boolean {
  const ip = parseIp(listening)
  const host = ip === null ? listening.toLowerCase() : ipText(ip)
  if (host === address) return true
  if (host === 'localhost') return address === '127.0.0.1' || address === '::1'
  const family = host === '::' ? 'both' : host === '0.0.0.0' ? 'IPv4' : 'none'
  if (family === 'none' || (family === 'IPv4' && address.includes(':'))) return false
  return isLoopback(address) || interfaces().includes(address)
}

/** Addresses of this machine, in shortest form. */
function interfaces(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap(all =>
    (all ?? []).flatMap(({ address }) => {
      const ip = parseIp(address.split('%')[0] ?? '')
      return ip === null ? [] : [ipText(ip)]
    })
  )
}
