/**
 * The configuration of a test's broker as the file that it reads: one node that is broker and controller, small,
 * on the loopback, and its listeners.
 *
 * Clients that are tested use the listener CLIENT, as a test wants it; what a test itself asks or reads goes over
 * INNER, in clear and without a password.
 */
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOT } from './sluice.ts'

/**
 * A Ctrl-C in a terminal ends all of its session, but a broker in its own. Linux shares the cores among sessions
 * (autogroup in sched(7)), so that a priority counts among the processes of one session alone.
 */
export type Session = 'own' | 'shared'

export type KafkaOptions = {
  readonly port?: number // of the listener of clients; else a free one
  readonly advertised?: number // the port that clients are told to use, as one of a proxy before it
  readonly session?: Session // own
  readonly sasl?: 'plain' | 'scram-sha-256' | 'scram-sha-512' // user sluice
  readonly tls?: 'server' | 'mutual' // certificates of test/fixtures/tls
  readonly properties?: Readonly<Record<string, string>> // of server.properties, instead of ours
}

export type KafkaPorts = {
  readonly client: number
  readonly inner: number
  readonly controller: number
}

export const SASL_USER = { username: 'sluice', password: 'a secret of the tests' } as const
const TLS = join(ROOT, 'test/fixtures/tls')
const LOGIN = 'org.apache.kafka.common.security'

/** Writes server.properties and what it names into `directory`. Returns its path. */
export async function writeConfig(
  directory: string,
  ports: KafkaPorts,
  options: KafkaOptions
): Promise<string> {
  if (options.tls !== undefined) {
    const pair = ['model-key.pem', 'model.pem'].map(name => readFile(join(TLS, name), 'utf8'))
    await writeFile(join(directory, 'key.pem'), (await Promise.all(pair)).join(''))
    await copyFile(join(TLS, 'ca.pem'), join(directory, 'ca.pem'))
  }
  const file = join(directory, 'server.properties')
  const lines = Object.entries({
    ...node(directory, ports),
    ...listeners(ports, options),
    ...saslOf(options),
    ...tlsOf(directory, options),
    ...options.properties
  }).map(([name, value]) => `${name}=${value}\n`)
  await writeFile(file, lines.join(''))
  return file
}

/** What formatting the storage needs beside: users of SCRAM are part of the data. */
export function formatArgs({ sasl }: KafkaOptions): readonly string[] {
  if (sasl === undefined || sasl === 'plain') return []
  const { username, password } = SASL_USER
  return ['--add-scram', `${sasl.toUpperCase()}=[name=${username},password=${password}]`]
}

function node(directory: string, ports: KafkaPorts): Readonly<Record<string, string>> {
  return {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.bootstrap.servers': `127.0.0.1:${ports.controller}`,
    'log.dirs': join(directory, 'data'),
    'num.partitions': '1',
    'offsets.topic.num.partitions': '1',
    'offsets.topic.replication.factor': '1',
    'transaction.state.log.num.partitions': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.num.partitions': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    'log.cleaner.dedupe.buffer.size': '2097152', // else 128 MB of heap
    'broker.session.timeout.ms': '2000', // a broker that was killed is back in 6 s, not in 13
    'broker.heartbeat.interval.ms': '500',
    'auto.create.topics.enable': 'false'
  }
}

function listeners(ports: KafkaPorts, options: KafkaOptions): Readonly<Record<string, string>> {
  const { sasl, tls } = options
  const protocol = `${sasl === undefined ? '' : 'SASL_'}${tls === undefined ? 'PLAINTEXT' : 'SSL'}`
  const at = (name: string, port: number) => `${name}://127.0.0.1:${port}`
  const known = [at('CLIENT', options.advertised ?? ports.client), at('INNER', ports.inner)]
  return {
    listeners: [
      at('CLIENT', ports.client),
      at('INNER', ports.inner),
      at('CONTROLLER', ports.controller)
    ].join(','),
    'advertised.listeners': [...known, at('CONTROLLER', ports.controller)].join(','),
    'listener.security.protocol.map': `CLIENT:${protocol},INNER:PLAINTEXT,CONTROLLER:PLAINTEXT`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'INNER'
  }
}

function saslOf({ sasl }: KafkaOptions): Readonly<Record<string, string>> {
  if (sasl === undefined) return {}
  const { username, password } = SASL_USER
  const module =
    sasl === 'plain' ? `${LOGIN}.plain.PlainLoginModule` : `${LOGIN}.scram.ScramLoginModule`
  const users = sasl === 'plain' ? ` user_${username}="${password}"` : ''
  return {
    'listener.name.client.sasl.enabled.mechanisms': sasl.toUpperCase(),
    [`listener.name.client.${sasl}.sasl.jaas.config`]: `${module} required${users};`
  }
}

function tlsOf(directory: string, { tls }: KafkaOptions): Readonly<Record<string, string>> {
  if (tls === undefined) return {}
  const at = (name: string) => `listener.name.client.ssl.${name}`
  return {
    [at('keystore.type')]: 'PEM',
    [at('keystore.location')]: join(directory, 'key.pem'),
    [at('truststore.type')]: 'PEM',
    [at('truststore.location')]: join(directory, 'ca.pem'),
    [at('client.auth')]: tls === 'mutual' ? 'required' : 'none'
  }
}
