import { fileURLToPath } from 'node:url'
import { test } from 'tap'
import type { KafkaSettings } from '../../src/config/config.ts'
import { redactConfig } from '../../src/config/redact.ts'
import { planReload } from '../../src/config/reload.ts'
import {
  CONFIG_FIXTURES,
  configOf,
  configWarningsOf,
  problemsOf,
  smallConfig
} from '../helpers/config-file.ts'

type Teardown = { teardown(done: () => unknown): unknown }

const withKafka = (settings: string, driver = 'kafka') =>
  smallConfig('', `events: { driver: ${driver}, kafka: ${settings} }`)
const pem = (name: string) => `{ file: ${fileURLToPath(new URL(name, CONFIG_FIXTURES))} }`

async function settingsOf(t: Teardown, settings: string, env = {}): Promise<KafkaSettings | null> {
  return (await configOf(t, withKafka(settings), env)).events.kafka
}

const LOCAL: KafkaSettings = {
  brokers: ['127.0.0.1:9092'],
  clientId: 'sluice',
  topics: { shadow: 'sluice.shadow', decisions: 'sluice.decisions' },
  createTopics: true,
  tls: null,
  sasl: null
}

test('fills in every default when the driver is kafka and no more is said', async t => {
  for (const events of ['{ driver: kafka }', '{ driver: kafka, kafka: {} }']) {
    const config = await configOf(t, smallConfig('', `events: ${events}`))
    t.equal(config.events.driver, 'kafka')
    t.same(config.events.kafka, LOCAL, events)
  }
})

test('reads brokers, topics and who we are when all are given', async t => {
  t.same(
    await settingsOf(
      t,
      `{ brokers: [Kafka.Test, "[::1]:7000", "10.0.0.5:9093"], clientId: router-1, topics: { shadow: a, decisions: b.c },
        createTopics: false, tls: { serverName: kafka.test }, sasl: { mechanism: scram-sha-512, username: u, password: { env: PW } } }`,
      { PW: 'secret\n' }
    ),
    {
      brokers: ['kafka.test:9092', '[::1]:7000', '10.0.0.5:9093'],
      clientId: 'router-1',
      topics: { shadow: 'a', decisions: 'b.c' },
      createTopics: false,
      tls: { ca: null, cert: null, key: null, serverName: 'kafka.test' },
      sasl: { mechanism: 'scram-sha-512', username: 'u', password: 'secret' }
    }
  )
})

test('turns TLS on with the authorities of the system when it is true or an empty map', async t => {
  const on = { ca: null, cert: null, key: null, serverName: null }
  t.same((await settingsOf(t, '{ tls: true }'))?.tls, on)
  t.same((await settingsOf(t, '{ tls: {} }'))?.tls, on)
  t.equal((await settingsOf(t, '{ tls: false }'))?.tls, null)
  const own = `{ tls: { ca: ${pem('cert.pem')}, cert: ${pem('cert.pem')}, key: ${pem('key.pem')} } }`
  t.match((await settingsOf(t, own))?.tls, { ca: /BEGIN CERT/, cert: /BEGIN CERT/, key: /BEGIN/ })
})

test('knows no brokers when the driver is another, whatever stands under kafka', async t => {
  const text = withKafka(
    '{ sasl: { mechanism: plain, username: a, password: { env: NONE } } }',
    'file'
  )
  t.equal((await configOf(t, text)).events.kafka, null)
  t.match(await problemsOf(t, withKafka('{ brokers: ["kafka://a"] }', 'file')), [/brokers\[0\]/])
  const warnings = await configWarningsOf(t, withKafka('{}', 'file'))
  t.ok(warnings.some(line => /:1:\d+ events\.kafka: has no effect with driver: file/.test(line)))
})

const WRONG: readonly (readonly [string, RegExp])[] = [
  ['{ brokers: [] }', /kafka\.brokers: needs at least 1 entry/],
  ['{ brokers: "a:1" }', /kafka\.brokers: must be a list/],
  ['{ brokers: ["kafka://a:1"] }', /brokers\[0\]: must be host:port alone/],
  ['{ brokers: ["a:1,b:1"] }', /brokers\[0\]: must be one address/],
  ['{ brokers: ["::1"] }', /brokers\[0\]: has no valid host and port; write IPv6 in brackets/],
  ['{ brokers: ["a:0"] }', /brokers\[0\]: has a port that is not from 1/],
  ['{ brokers: ["A:9092", a] }', /brokers\[1\]: is the address of another entry/],
  ['{ clientId: "a b" }', /clientId: must be a name/],
  ['{ topics: { shadow: "a b" } }', /topics\.shadow: must be the name of a topic/],
  ['{ topics: { shadow: ".." } }', /topics\.shadow: must be the name of a topic/],
  [`{ topics: { shadow: ${'a'.repeat(250)} } }`, /topics\.shadow: must be the name of a topic/],
  ['{ topics: { shadow: a.b, decisions: a_b } }', /topics\.decisions: .* differ only in/],
  ['{ topics: { shadows: a } }', /topics\.shadows: unknown key, did you mean "shadow"/],
  ['{ createTopics: yes }', /createTopics: must be true or false/],
  ['{ tls: yes }', /kafka\.tls: must be true or false or a map/],
  ['{ tls: { verify: false } }', /tls\.verify: unknown key/],
  ['{ tls: { serverName: 10.0.0.1 } }', /tls\.serverName: .*TLS asks for names alone/],
  ['{ tls: { serverName: "a b" } }', /tls\.serverName: .*not a valid host/],
  ['{ sasl: { username: a, password: { env: PW } } }', /kafka\.sasl: mechanism is missing/],
  ['{ sasl: { mechanism: plain, password: { env: PW } } }', /kafka\.sasl: username is missing/],
  ['{ sasl: { mechanism: plain, username: a } }', /kafka\.sasl: password is missing/],
  [
    '{ sasl: { mechanism: PLAIN, username: a, password: { env: PW } } }',
    /sasl\.mechanism: must be one of plain, .*did you mean "plain"/
  ],
  [
    '{ sasl: { mechanism: plain, username: a, password: { env: NONE } } }',
    /sasl\.password\.env: the environment variable NONE is not set/
  ]
]

test('says one thing with its place when one thing of the brokers is wrong', async t => {
  for (const [settings, expected] of WRONG) {
    const problems = await problemsOf(t, withKafka(settings), { PW: 'secret' })
    t.equal(problems.length, 1, `${settings}\n${problems.join('\n')}`)
    t.match(problems[0], expected)
    t.match(problems[0], /^sluice\.yaml:1:\d+ events\.kafka/)
  }
})

test('never quotes a password when it stands where it should not', async t => {
  for (const settings of [
    '{ brokers: ["user:hunter2@a:1"] }',
    '{ brokers: ["sasl://user:hunter2@a:1"] }',
    `{ brokers: ["user:hunter2@${'a'.repeat(400)}"] }`,
    '{ brokers: "user:hunter2@a:1" }',
    '{ sasl: hunter2 }',
    '{ sasl: { mechanism: plain, username: a, password: hunter2 } }',
    '{ sasl: { mechanism: plain, username: a, password: { value: hunter2 } } }',
    '{ tls: { key: hunter2, cert: { env: NONE } } }'
  ]) {
    const problems = await problemsOf(t, withKafka(settings))
    t.ok(problems.length > 0, settings)
    t.notOk(problems.join('\n').includes('hunter2'), problems.join('\n'))
  }
})

test('shows where the brokers are and none of the secrets when the configuration is shown', async t => {
  const config = await configOf(
    t,
    withKafka(
      `{ tls: { cert: ${pem('cert.pem')}, key: ${pem('key.pem')} }, sasl: { mechanism: plain, username: sluice, password: { env: PW } } }`
    ),
    { PW: 'canary-of-kafka' }
  )
  t.equal(config.events.kafka?.sasl?.password, 'canary-of-kafka')
  const text = JSON.stringify(redactConfig(config))
  for (const secret of ['canary', 'BEGIN']) t.notOk(text.includes(secret), secret)
  t.match(JSON.parse(text).events.kafka, {
    brokers: ['127.0.0.1:9092'],
    tls: { ca: null, cert: '[redacted]', key: '[redacted]' },
    sasl: { mechanism: 'plain', username: 'sluice', password: '[redacted]' }
  })
})

test('refuses other brokers when the process runs, and goes on with renewed certificates', async t => {
  const of = (settings: string, env = {}) => configOf(t, withKafka(settings), env)
  const sasl = '{ mechanism: plain, username: a, password: { env: PW } }'
  const running = await of(`{ tls: true, sasl: ${sasl} }`, { PW: 'old-secret' })
  t.same(planReload(running, running, {}).refusals, [])
  const all = await of(
    '{ brokers: [b], clientId: c, topics: { shadow: d }, createTopics: false, tls: { serverName: e } }'
  )
  t.match(planReload(running, all, {}).refusals, [
    /^events\.kafka\.brokers cannot change/,
    /^events\.kafka\.clientId cannot/,
    /^events\.kafka\.topics cannot/,
    /^events\.kafka\.createTopics cannot/,
    /^events\.kafka\.tls cannot/,
    /^events\.kafka\.sasl cannot/,
    /^events\.kafka\.sasl\.password cannot/
  ])
  const rotated = planReload(
    running,
    await of(`{ tls: true, sasl: ${sasl} }`, { PW: 'new-secret' }),
    {}
  )
  t.match(rotated.refusals, [/sasl\.password cannot change .*restart one replica after the other/])
  t.notMatch(rotated.refusals.join(), /secret/)
  const renewed = await of(`{ tls: { ca: ${pem('cert.pem')} }, sasl: ${sasl} }`, {
    PW: 'old-secret'
  })
  const plan = planReload(running, renewed, {})
  t.same(plan.refusals, [])
  t.match(plan.warnings, [/^events\.kafka\.tls: the certificates have changed/])
  t.match(planReload(running, await configOf(t, smallConfig()), {}).refusals, [
    /^events\.driver cannot change/
  ])
})

test('warns of brokers on another machine when anybody could read or write there', async t => {
  const of = async (settings: string) =>
    (await configWarningsOf(t, withKafka(settings), { PW: 'canary' }))
      .filter(line => line.includes('events.kafka'))
      .map(line => line.replace(/^\S+ events\./, ''))
  const open = /^kafka\.brokers: 10\.0\.0\.5 is reached without TLS/
  const everybody = /^kafka: there is neither sasl nor a client certificate/
  const remote = 'brokers: ["10.0.0.5:9092"]'
  const sasl = 'sasl: { mechanism: plain, username: a, password: { env: PW } }'
  t.match(await of(`{ ${remote} }`), [everybody, open])
  t.match(await of(`{ ${remote}, ${sasl} }`), [/can read the password, decisions/])
  t.same(await of(`{ ${remote}, ${sasl}, tls: true }`), [])
  for (const local of ['127.0.0.9:1', '[::1]:1', 'localhost']) {
    t.same(await of(`{ brokers: ["${local}"] }`), [], local)
  }
})
