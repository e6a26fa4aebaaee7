import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'tap'
import type { Config } from '../../src/config/config.ts'
import { showPath } from '../../src/config/diagnostics.ts'
import { type Circumstances, warningsOf } from '../../src/config/warnings.ts'
import { configOf, configWarningsOf, smallConfig } from '../helpers/config-file.ts'

const QUIET: Circumstances = {
  env: {},
  reusePort: true,
  asked: 1,
  given: () => false,
  root: '/nowhere'
}
const SLA = 'hashOn: [{ header: x-user-id }]\ntriggers: { latency: { sla: 1s } }'

function warnings(config: Config, around: Partial<Circumstances> = {}): readonly string[] {
  const found: string[] = []
  warningsOf(config, { ...QUIET, ...around }, (path, message) => {
    found.push(`${showPath(path)}: ${message}`)
  })
  return found
}

test('says nothing when nothing is dangerous', async t => {
  t.same(warnings(await configOf(t, smallConfig(SLA))), [])
})

test('warns of overrides from anybody when the listener is public and a client can send the field', async t => {
  const of = async (listen: string, override: string) =>
    warnings(
      await configOf(
        t,
        smallConfig(
          `${SLA}\noverrides: [{ name: a, variant: v4, ${override} }]`,
          `listen: "${listen}"\ntrustedProxies: [10.0.0.0/8]`
        )
      )
    )
  const header = 'when: { header: { name: x, exact: "1" } }'
  t.match(await of('0.0.0.0:1', header), [
    /^routes\.fraud\.overrides\[0\]: anybody who can reach 0\.0\.0\.0 can choose/
  ])
  t.match(await of('0.0.0.0:1', 'when: { all: [{ not: { query: { name: x, exact: "1" } } }] }'), [
    /can choose/
  ])
  t.match(await of('0.0.0.0:1', 'when: { any: [{ cookie: { name: x, exact: "1" } }] }'), [
    /can choose/
  ])
  t.same(await of('127.0.0.1:1', header), [])
  t.same(await of('0.0.0.0:1', `${header}, from: trusted`), [])
  t.same(await of('0.0.0.0:1', 'when: { unit: { exact: "1" } }'), [])
})

test('warns that an override never applies when nobody is trusted', async t => {
  const route = `${SLA}\noverrides: [{ name: a, variant: v4, from: trusted, when: { unit: { exact: a } } }]`
  t.match(warnings(await configOf(t, smallConfig(route))), [/overrides\[0\]\.from: never applies/])
})

test('warns of a state directory that vanishes or is shared when the mounts say so', async t => {
  const root = t.testdir({ proc: { self: {} } })
  const directory = resolve('state')
  const of = (type: string, point: string) => {
    writeFileSync(
      join(root, 'proc/self/mountinfo'),
      `22 1 8:1 / / rw - ext4 /dev/sda rw\n23 22 0:1 / ${point} rw shared:1 - ${type} none rw\n`
    )
    return warnings(config, { root })
  }
  const config = await configOf(t, smallConfig(SLA))
  const point = resolve('.')
  t.match(of('tmpfs', point), [/^state\.directory: .* is on tmpfs: weights and rollbacks are lost/])
  t.match(of('overlay', point), [/lost with the container/])
  t.match(of('nfs4', point), [/on nfs4, which several machines may share/])
  t.same(of('ext4', point), [])
  t.same(of('tmpfs', `${directory}-elsewhere`), [], 'another mount with the same beginning')
})

test('warns that the file driver is for one replica when it runs in Kubernetes', async t => {
  const config = await configOf(t, smallConfig(SLA))
  t.match(warnings(config, { env: { KUBERNETES_SERVICE_HOST: '10.0.0.1' } }), [
    /^state\.driver: .*set replicas to 1/
  ])
})

const stored = (more: string, redis = '{}') =>
  smallConfig(SLA, `state: { driver: redis, redis: ${redis}${more} }`)

test('says nothing of replicas when they share Redis', async t => {
  const config = await configOf(t, stored(''))
  t.same(warnings(config, { env: { KUBERNETES_SERVICE_HOST: '10.0.0.1' } }), [])
})

test('warns of a store on another machine when anybody could read or change it', async t => {
  const of = async (redis: string) =>
    warnings(await configOf(t, stored('', redis), { PW: 'canary' }))
  const open = /^state\.redis\.url: .* is reached without TLS: .* write rediss/
  const everybody = /^state\.redis: there is no password, and .*; set password/
  t.match(await of('{ url: "redis://10.0.0.5" }'), [open, everybody])
  t.match(await of('{ url: "redis://10.0.0.5", password: { env: PW } }'), [open])
  t.match(await of('{ url: "rediss://10.0.0.5" }'), [everybody])
  t.same(await of('{ url: "rediss://10.0.0.5", password: { env: PW } }'), [])
  for (const local of ['redis://127.0.0.9:1', 'redis://[::1]', 'redis://localhost']) {
    t.same(await of(`{ url: "${local}" }`), [], local)
  }
  const nodes = await of('{ url: ["redis://localhost", "redis://b.test"], cluster: true }')
  t.match(nodes, [/^state\.redis\.url: b\.test is reached/, /b\.test is another machine/])
  t.notOk(nodes.join().includes('canary'))
})

test('warns of rollbacks that vanish or are shared when a replica with Redis keeps them on such a disk', async t => {
  const root = t.testdir({ proc: { self: {} } })
  const config = await configOf(t, stored(''))
  const of = (type: string) => {
    const line = `23 22 0:1 / ${resolve('.')} rw shared:1 - ${type} none rw\n`
    writeFileSync(join(root, 'proc/self/mountinfo'), line)
    return warnings(config, { root })
  }
  t.match(of('tmpfs'), [
    /^state\.directory: .* on tmpfs: rollbacks that Redis does not have yet are lost with the machine/
  ])
  t.match(of('overlay'), [/lost with the container; put it on a volume/])
  t.match(of('nfs4'), [/each replica needs a directory of its own/])
  t.same(of('ext4'), [])
})

test('warns that a challenger may come back when a lost store starts with the weights of the file', async t => {
  t.match(warnings(await configOf(t, stored(', firstStart: weights'))), [
    /^state\.firstStart: after a total loss .* champion is safer/
  ])
  t.same(warnings(await configOf(t, smallConfig(SLA, 'state: { firstStart: weights }'))), [])
})

test('warns of ids that differ between replicas when they share Redis and no key for units', async t => {
  const of = async (top: string) =>
    warnings(
      await configOf(t, smallConfig(SLA, `state: { driver: redis }\n${top}`), {
        KEY: 'k'.repeat(32)
      })
    )
  t.match(await of('events: { driver: file }'), [/^events: without unitKey each replica has/])
  t.match(await of('accessLog: {}'), [/^events: without unitKey/])
  t.same(await of('events: { driver: file, unitKey: { env: KEY } }'), [])
  t.same(await of('events: { driver: none }'), [])
  t.same(warnings(await configOf(t, smallConfig(SLA, 'events: { driver: file }'))), [])
})

test('warns that settings of a shared store have no effect when the driver is file', async t => {
  const of = async (state: string) =>
    (await configWarningsOf(t, smallConfig(SLA, `state: { directory: /proc, ${state} }`))).filter(
      line => line.includes('no effect')
    )
  t.match(await of('stale: { policy: hold }, redis: { prefix: a }'), [
    /^sluice\.yaml:1:28 state\.stale: has no effect with driver: file; set driver: redis, or remove/,
    /^sluice\.yaml:1:53 state\.redis: has no effect with driver: file/
  ])
  t.same(await of('stale: null, redis: null'), [])
  t.same(await of('driver: redis, stale: { policy: champion }, redis: { prefix: a }'), [])
})

test('warns of a drain that Kubernetes would cut when it is too long', async t => {
  t.match(warnings(await configOf(t, smallConfig(SLA, 'drain: { delay: 10s, grace: 20s }'))), [
    /^drain: delay and grace take 30 s/
  ])
  t.same(warnings(await configOf(t, smallConfig(SLA, 'drain: { delay: 9s, grace: 20s }'))), [])
})

test('warns when certificates are not verified', async t => {
  const config = await configOf(
    t,
    'routes: { a: { variants: { v: { upstreams: ["https://a"], tls: { verify: false } } } } }'
  )
  t.match(warnings(config), [/^routes\.a\.variants\.v\.tls\.verify: certificates are not verified/])
})

test('warns of triggers that are off and of units that do not exist when there are challengers', async t => {
  t.match(warnings(await configOf(t, smallConfig())), [
    /^routes\.fraud\.hashOn: there is no unit, so the champion gets every request/,
    /^routes\.fraud\.triggers: the latency trigger is off/
  ])
  const off =
    'hashOn: [clientIp, { header: a }]\nonMissingUnit: reject\ntriggers: { errors: off, badPredictions: off, absence: off, latency: { sla: 1s } }'
  t.match(warnings(await configOf(t, smallConfig(off))), [
    /hashOn\[1\]: is never reached/,
    /triggers\.errors: is off/,
    /triggers\.badPredictions: is off/,
    /triggers\.absence: is off/
  ])
})

test('warns of units from tokens that nobody verifies, and of proxies that are everybody', async t => {
  const route = 'hashOn: [{ jwt: sub }]\ntriggers: { latency: { sla: 1s } }'
  t.match(warnings(await configOf(t, smallConfig(route, 'trustedProxies: [0.0.0.0/0]'))), [
    /^trustedProxies\[0\]: 0\.0\.0\.0\/0 is everybody/,
    /^routes\.fraud\.hashOn: a jwt is read and not verified/
  ])
})

test('warns that there is one thread when the system cannot share a port', async t => {
  const config = await configOf(t, smallConfig(SLA))
  t.match(warnings(config, { reusePort: false, asked: 'auto' }), [/^threads: .*one data thread/])
  t.same(warnings(config, { reusePort: false, asked: 1 }), [])
})

test('gives warnings their place in the file when it is loaded', async t => {
  const lines = await configWarningsOf(t, smallConfig(SLA, 'drain: { delay: 20s, grace: 20s }'))
  t.ok(
    lines.some(line => line.startsWith('sluice.yaml:1:8 drain: ')),
    lines.join('\n')
  )
})
