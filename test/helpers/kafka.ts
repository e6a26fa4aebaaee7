/**
 * A real Kafka broker as a child process on free ports of the loopback, torn down with the test; or the broker of
 * KAFKA_BROKERS for tests that only use one.
 *
 * A broker keeps its data between restarts. The helper never hides a fault: after kill9() or pause() a call fails
 * until the test brings it back. SLUICE_TEST_WITHOUT=kafka leaves out what needs one, on purpose.
 */
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import type { KafkaSettings } from '../../src/config/config.ts'
import { classArchive } from './kafka-classes.ts'
import { formatArgs, type KafkaOptions, writeConfig } from './kafka-config.ts'
import { createKafkaProcess, formatStorage } from './kafka-process.ts'
import { kafkaProgram } from './kafka-program.ts'
import { freePort } from './ports.ts'
import { temporaryDirectory } from './sluice.ts'

export { type KafkaOptions, SASL_USER } from './kafka-config.ts'

/** What a tap test offers for tearing down. */
export type Teardown = { teardown(done: () => unknown): unknown }

export type Kafka = {
  readonly port: number // of the listener of clients
  readonly brokers: string // 127.0.0.1:port, for clients
  readonly inner: string // the same broker in clear and without a password, for the test itself
  readonly pid: () => number
  readonly log: () => string
  readonly kill9: () => Promise<void>
  /** Starts it again on its ports, with its data. */
  readonly restart: () => Promise<void>
  /** SIGSTOP: it accepts connections and answers nothing. */
  readonly pause: () => void
  readonly resume: () => void
}

/** For `skip` of a test that needs a broker. */
export const WITHOUT_KAFKA: string | false = (process.env['SLUICE_TEST_WITHOUT'] ?? '')
  .split(',')
  .includes('kafka')
  ? 'kafka is left out by SLUICE_TEST_WITHOUT'
  : false

/** Starts a broker and waits until it is ready. Throws with its output when it does not start. */
export async function startKafka(t: Teardown, options: KafkaOptions = {}): Promise<Kafka> {
  const program = await kafkaProgram()
  const directory = temporaryDirectory()
  const ports = {
    client: options.port ?? (await freePort()),
    inner: await freePort(),
    controller: await freePort()
  }
  const config = await writeConfig(directory, ports, options)
  const java = await classArchive(program)
  const broker = createKafkaProcess(program, config, directory, java, options.session)
  t.teardown(async () => {
    await broker.end('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  })
  await formatStorage(program, config, directory, formatArgs(options), java)
  await broker.begin()
  return {
    port: ports.client,
    brokers: `127.0.0.1:${ports.client}`,
    inner: `127.0.0.1:${ports.inner}`,
    pid: broker.pid,
    log: broker.log,
    kill9: () => broker.end('SIGKILL'),
    async restart() {
      await broker.end('SIGKILL')
      await broker.begin()
    },
    pause: () => broker.signal('SIGSTOP'),
    resume: () => broker.signal('SIGCONT')
  }
}

export type SharedKafka = {
  readonly brokers: readonly string[]
  readonly topics: { readonly shadow: string; readonly decisions: string } // unlike every other test's
}

/** A broker that the test only uses: those of KAFKA_BROKERS, else one of its own. */
export async function sharedKafka(
  t: Teardown,
  env: { readonly [name: string]: string | undefined } = process.env
): Promise<SharedKafka> {
  const given = (env['KAFKA_BROKERS'] ?? '').split(',').filter(Boolean)
  const brokers = given.length > 0 ? given : [(await startKafka(t)).brokers]
  return { brokers, topics: uniqueTopics() }
}

export function uniqueTopics(): SharedKafka['topics'] {
  const mark = randomBytes(6).toString('hex')
  return { shadow: `sluice-test-${mark}.shadow`, decisions: `sluice-test-${mark}.decisions` }
}

/** Settings of the adapter as the configuration would give them. */
export function kafkaSettings(
  brokers: string | readonly string[],
  more: Partial<KafkaSettings> = {}
): KafkaSettings {
  return {
    brokers: typeof brokers === 'string' ? [brokers] : brokers,
    clientId: 'sluice',
    topics: { shadow: 'sluice.shadow', decisions: 'sluice.decisions' },
    createTopics: true,
    tls: null,
    sasl: null,
    ...more
  }
}
