/** `sluice check --online` with events in Kafka: what it says of a real broker, and what it never shows. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Kafka, SASL_USER, startKafka, uniqueTopics, WITHOUT_KAFKA } from '../helpers/kafka.ts'
import { startModelServer } from '../helpers/model-server.ts'
import { freePort } from '../helpers/ports.ts'
import { ROOT, runSluice, temporaryDirectory } from '../helpers/sluice.ts'
import { twoVersionConfig } from '../helpers/two-versions.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

const skip = WITHOUT_KAFKA
const CA = join(ROOT, 'test/fixtures/tls/ca.pem')
const WRONG = 'canary-of-kafka'
const model = await startModelServer(t, { version: '3' })
const directory = temporaryDirectory(t)

let plain: Promise<Kafka> | null = null

/** The broker in clear that two tests use. */
function plainBroker(): Promise<Kafka> {
  plain ??= startKafka(t)
  return plain
}

/** Runs `check --online` on a configuration whose upstreams are well. */
async function check(kafka: Readonly<Record<string, unknown>>, ...words: readonly string[]) {
  const file = join(directory, 'sluice.yaml')
  const events = { driver: 'kafka', kafka }
  writeFileSync(file, JSON.stringify({ ...twoVersionConfig(model.url, model.url, 5), events }))
  const env = { SLUICE_TEST_KAFKA: SASL_USER.password, SLUICE_TEST_WRONG: WRONG }
  const result = await runSluice(['check', file, '--online', ...words], { env })
  return { code: result.code, shown: `${result.stdout}${result.stderr}`, stdout: result.stdout }
}

const sasl = (password: string, mechanism = 'plain') => ({
  mechanism,
  username: SASL_USER.username,
  password: { env: password }
})

t.test('check says nothing of brokers that can be used, and makes no topic', { skip }, async t => {
  const kafka = await plainBroker()
  const topics = uniqueTopics()
  const well = await check({ brokers: [kafka.brokers], topics })
  t.equal(well.code, 0, well.shown)
  t.notMatch(well.shown, 'kafka:')

  const strict = await check({ brokers: [kafka.brokers], topics, createTopics: false })
  t.equal(strict.code, 1)
  t.match(
    strict.shown,
    `events.kafka: ${kafka.brokers}: it has no topic ${topics.shadow}, and createTopics`
  )
  t.match(strict.shown, `it has no topic ${topics.decisions}`, 'the check before has made none')

  const one = `localhost:${kafka.port}`
  const down = `127.0.0.1:${await freePort()}`
  const half = await check({ brokers: [one, down], topics }, '--json')
  t.equal(half.code, 1)
  t.match(JSON.parse(half.stdout), {
    ok: false,
    problems: [],
    unreachable: [
      {
        path: 'events.kafka',
        upstream: down,
        address: null,
        message: /it cannot be used \(ECONNREFUSED\); check the address/
      }
    ]
  })
  t.equal(JSON.parse(half.stdout).unreachable.length, 1)
})

t.test('check says that a broker does not let us in, and never the password', { skip }, async t => {
  const kafka = await startKafka(t, { sasl: 'plain', tls: 'server' })
  const tls = { ca: { file: CA }, serverName: 'model.test' }
  const brokers = [kafka.brokers]
  const right = await check({ brokers, tls, sasl: sasl('SLUICE_TEST_KAFKA') })
  t.equal(right.code, 0, right.shown)

  const wrong = await check({ brokers, tls, sasl: sasl('SLUICE_TEST_WRONG') })
  t.equal(wrong.code, 1)
  t.match(
    wrong.shown,
    /it does not let us in \(SASL_AUTHENTICATION_FAILED\); check the user and the/
  )
  t.notMatch(wrong.shown, WRONG)

  const strangers = await check({ brokers, tls: true, sasl: sasl('SLUICE_TEST_KAFKA') })
  t.equal(strangers.code, 1)
  t.match(strangers.shown, /it cannot be used \(\w+\); check the address, and tls/)
})

t.test('check says that a broker does not answer when it is stopped', { skip }, async t => {
  const kafka = await plainBroker()
  kafka.pause()
  const { code, shown } = await check({ brokers: [kafka.brokers] })
  t.equal(code, 1)
  t.match(shown, /it does not answer within 10000 ms; check the address, and whether it wants TLS/)
  kafka.resume()
})

t.test('check asks no broker when it is not online', async t => {
  const file = join(directory, 'offline.yaml')
  const events = { driver: 'kafka', kafka: { brokers: ['127.0.0.1:1'] } }
  writeFileSync(file, JSON.stringify({ ...twoVersionConfig(model.url, model.url, 5), events }))
  t.equal((await runSluice(['check', file])).code, 0)
})
