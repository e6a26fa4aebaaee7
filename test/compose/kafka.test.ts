/**
 * The Kafka of docker-compose.yml, started by its own script: the routers get in with the password of their
 * configuration, nobody else does, and what they wrote is there after a restart.
 */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test, test } from 'tap'
import type { KafkaSettings } from '../../src/config/config.ts'
import { configOf } from '../helpers/config-file.ts'
import { WITHOUT_KAFKA } from '../helpers/kafka.ts'
import { kafkaProgram, type RunningKafka } from '../helpers/kafka-program.ts'
import { readTopic, topicsOf } from '../helpers/kafka-reader.ts'
import { createTestSink, lostOf, numbersOf } from '../helpers/kafka-sink.ts'
import { freePort } from '../helpers/ports.ts'
import { ROOT, temporaryDirectory } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'
import { networksOf, ROUTERS, read, STACK } from './stack.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

const PASSWORD = 'Aa1+/yQ0Zm9v='
const PROPERTIES = new Map(
  read('config/kafka/server.properties')
    .split('\n')
    .filter(line => /^\w/.test(line))
    .map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const)
)

test('lets the routers in, and nobody with another password, when it is up', {
  skip: WITHOUT_KAFKA
}, async t => {
  const broker = await prepared(t, `${PASSWORD}\n`)
  await broker.start()
  const settings = await routerSettings(t, broker.client)
  const { sink, topics, publish, published } = createTestSink(t, settings)
  publish(10)
  await published(10)
  t.same(sink.faults(), [])
  t.ok((await topicsOf(broker.inner)).includes(topics.decisions))

  const guess = { ...settings, sasl: { ...sasl(settings), password: 'a guess' } }
  const stranger = createTestSink(t, guess, { patienceMs: 100 })
  stranger.publish(1)
  await until('it is refused', () => lostOf(stranger.counts())['unauthorized'] === 1)
  const silent = createTestSink(t, { ...settings, sasl: null })
  silent.publish(1)
  await until('it gets nowhere', () => silent.sink.faults().length > 0)
  t.equal(silent.counts().published, 0)

  await broker.end()
  await broker.start()
  publish(10)
  await published(20)
  const messages = await readTopic(broker.inner, topics.decisions, each => each.length >= 20)
  t.same(
    numbersOf(messages).toSorted((a, b) => a - b),
    Array.from({ length: 20 }, (_, n) => n)
  )
  t.notMatch(broker.output(), PASSWORD)
})

test('does not start when there is no password', async t => {
  const directory = temporaryDirectory(t)
  writeFileSync(join(directory, 'password'), '\n')
  const { status, stderr } = spawnSync('sh', [join(ROOT, 'config/kafka/start.sh')], {
    encoding: 'utf8',
    env: { ...process.env, KAFKA_PASSWORD_FILE: join(directory, 'password') }
  })
  t.equal(status, 2)
  t.match(stderr, /holds no password/)
})

test('is where the routers look for it when they and it are started', async t => {
  const { kafka } = STACK.services
  const settings = await routerSettings(t, null)
  const [host = '', port] = settings.brokers[0]?.split(':') ?? []
  t.equal(STACK.services[host], kafka)
  t.match(PROPERTIES.get('listeners'), `CLIENT://:${port},`)
  t.match(PROPERTIES.get('advertised.listeners'), `CLIENT://${host}:${port},`)
  for (const name of ROUTERS) {
    const router = STACK.services[name]
    t.ok(router && networksOf(router).includes('events'), `${name} reaches it`)
    t.notOk(router?.depends_on?.['kafka'], `${name} does not wait for it`)
  }
  t.same(kafka?.entrypoint, ['sh', '/etc/sluice-kafka/start.sh'])
  t.ok(kafka?.volumes?.includes('./config/kafka:/etc/sluice-kafka:ro'))
  t.ok(kafka?.volumes?.includes(`kafka:${PROPERTIES.get('log.dirs')}`), 'its data is on a volume')
  t.equal(kafka?.environment?.['KAFKA_PASSWORD_FILE'], `/run/secrets/${kafka?.secrets?.[0]}`)
  t.match(kafka?.healthcheck?.test.join(' '), `nc -z 127.0.0.1 ${port}`)
})

type Prepared = {
  readonly client: number
  readonly inner: string
  readonly start: () => Promise<void>
  readonly end: () => Promise<void>
  readonly output: () => string
}

/** Its own script and configuration, with ports and a directory of this machine. */
async function prepared(t: Test, password: string): Promise<Prepared> {
  const program = await kafkaProgram()
  const directory = temporaryDirectory()
  const [client, inner, controller] = [await freePort(), await freePort(), await freePort()]
  const own = new Map(PROPERTIES)
    .set(
      'listeners',
      `CLIENT://127.0.0.1:${client},INNER://127.0.0.1:${inner},CONTROLLER://127.0.0.1:${controller}`
    )
    .set('advertised.listeners', `CLIENT://127.0.0.1:${client},INNER://127.0.0.1:${inner}`)
    .set('controller.quorum.bootstrap.servers', `127.0.0.1:${controller}`)
    .set('log.dirs', join(directory, 'data'))
  const config = join(directory, 'server.properties')
  writeFileSync(config, [...own].map(([name, value]) => `${name}=${value}\n`).join(''))
  writeFileSync(join(directory, 'password'), password)
  copyFileSync(join(ROOT, 'config/kafka/start.sh'), join(directory, 'start.sh'))
  let running: RunningKafka | null = null
  let output = ''
  const end = async () => {
    if (running === null || running.child.exitCode !== null || running.child.signalCode !== null) {
      return
    }
    const gone = once(running.child, 'close')
    running.signal('SIGKILL')
    await gone
  }
  t.teardown(end)
  return {
    client,
    inner: `127.0.0.1:${inner}`,
    end,
    output: () => output,
    async start() {
      const env = { KAFKA_CONFIG: config, KAFKA_PASSWORD_FILE: join(directory, 'password') }
      running = program.script(join(directory, 'start.sh'), env, directory)
      for (const stream of [running.child.stdout, running.child.stderr]) {
        stream?.setEncoding('utf8').on('data', (text: string) => {
          output += text
        })
      }
      await until(
        'it answers',
        async () => {
          if (running?.child.exitCode !== null) return true
          return (await topicsOf(`127.0.0.1:${inner}`)).length >= 0
        },
        { every: 250 }
      )
      if (running.child.exitCode !== null) throw new Error(`it ended:\n${output}`)
    }
  }
}

/** What the configuration of the routers says, with the broker of this test. */
async function routerSettings(
  t: { teardown(done: () => unknown): unknown },
  port: number | null
): Promise<KafkaSettings> {
  let text = read('demo/compose/sluice.yaml')
  for (const secret of STACK.services['router-1']?.secrets ?? []) {
    text = text.replace(`{ file: /run/secrets/${secret} }`, '{ env: SECRET }')
  }
  const { events } = await configOf(t, text, { SECRET: PASSWORD })
  if (events.kafka === null) throw new Error('the routers do not publish to Kafka')
  return port === null ? events.kafka : { ...events.kafka, brokers: [`127.0.0.1:${port}`] }
}

function sasl({ sasl }: KafkaSettings): NonNullable<KafkaSettings['sasl']> {
  if (sasl === null) throw new Error('the routers have no password')
  return sasl
}
