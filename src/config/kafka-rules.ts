/**
 * Rules of `events.kafka` beyond the form of its values: brokers that can be connected to, topics that can exist
 * side by side.
 *
 * Exports: `checkKafkaSettings`, `parseBroker`. Never quotes a broker, for somebody may write a password into it.
 */
import { parseIp } from '../domain/ip.ts'
import { faultOfHost, parseAuthority } from './address.ts'
import type { Path, Report } from './diagnostics.ts'
import type { ConfigFile } from './schema.ts'
import type { Loose } from './shape.ts'

type KafkaFile = Loose<ConfigFile['events']['kafka']>

export type Broker = { readonly host: string; readonly port: number } // no brackets

const PATH: Path = ['events', 'kafka']
const PORT = 9092

export function checkKafkaSettings(kafka: KafkaFile, report: Report): void {
  checkBrokers(kafka, report)
  checkTopics(kafka, report)
  checkServerName(kafka, report)
}

/** The host and the port of a broker, or what is wrong with it, a sentence without its subject. */
export function parseBroker(text: string): Broker | string {
  if (text.includes('://'))
    return 'must be host:port alone, without a scheme; for TLS set tls: true'
  if (text.includes('@')) return 'must not hold a user or password; write sasl beside brokers'
  if (/[,;\s]/.test(text)) return 'must be one address; write each broker as an entry of the list'
  const parts = parseAuthority(text)
  if (parts === null) return 'has no valid host and port; write IPv6 in brackets'
  const port = parts.port ?? PORT
  if (port < 1 || port > 65_535) return 'has a port that is not from 1 to 65535'
  return { host: parts.host, port }
}

function checkBrokers({ brokers }: KafkaFile, report: Report): void {
  const seen = new Set<string>()
  for (const [i, text] of (brokers ?? []).entries()) {
    if (text === undefined) continue
    const at = [...PATH, 'brokers', i]
    const broker = parseBroker(text)
    if (typeof broker === 'string') {
      report(at, broker)
      continue
    }
    const address = `${broker.host} ${broker.port}`
    if (seen.has(address)) report(at, 'is the address of another entry already; remove it')
    seen.add(address)
  }
}

/** A broker refuses a topic whose name differs from another only in "." and "_": their metrics would be one. */
function checkTopics({ topics }: KafkaFile, report: Report): void {
  const { shadow, decisions } = topics ?? {}
  if (shadow === undefined || decisions === undefined || shadow === decisions) return
  if (shadow.replaceAll('.', '_') !== decisions.replaceAll('.', '_')) return
  report(
    [...PATH, 'topics', 'decisions'],
    `"${decisions}" and "${shadow}" differ only in "." and "_", and Kafka takes but one of them; rename one`
  )
}

function checkServerName({ tls }: KafkaFile, report: Report): void {
  const name = typeof tls === 'object' ? (tls.serverName ?? null) : null
  if (name === null) return
  const fault = parseIp(name)
    ? 'is an address, and TLS asks for names alone; leave it out to have the host of the broker verified'
    : faultOfHost(name, 'no port')
  if (fault) report([...PATH, 'tls', 'serverName'], `"${name}" ${fault}`)
}
