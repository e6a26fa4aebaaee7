/**
 * The parts of docker-compose.yml fit each other: the balancer, the routers, their model servers and Prometheus
 * speak of the same names, addresses, ports and times.
 */
import { test } from 'tap'
import { parse } from 'yaml'
import type { Config } from '../../src/config/config.ts'
import { inNetwork, parseIp, parseNetwork } from '../../src/domain/ip.ts'
import { configOf } from '../helpers/config-file.ts'
import { networksOf, ROUTERS, read, type Service, STACK, seconds, stageOf } from './stack.ts'

const HAPROXY = read('config/haproxy/haproxy.cfg').replaceAll(/\s*#.*$/gm, '')
const IDLE_OF_ROUTERS = 75 // seconds: keepAliveTimeout of src/data-plane/listener.ts
const BALANCER = STACK.services['balancer']

test('loads without a fault when a router reads its configuration', async t => {
  const config = await routerConfig(t)
  t.equal(config.state.driver, 'redis')
  t.equal(config.state.redis?.username, 'sluice')
  t.equal(config.state.redis?.password, 'a secret of this test')
  const [node] = config.state.redis?.nodes ?? []
  t.ok(reaches('router-1', node?.host ?? ''), 'it reaches Redis')
  for (const { variants } of config.routes) {
    for (const { name, upstreams } of variants) {
      for (const { url } of upstreams) {
        const { hostname, port } = new URL(url)
        t.ok(reaches('router-1', hostname), `${name}: ${hostname}`)
        const { target = '' } = STACK.services[hostname]?.build ?? {}
        t.match(stageOf(target), `\nEXPOSE ${port}\n`, `${name}: ${url}`)
      }
    }
  }
  t.match(config.state.directory, /^\/var\/lib\/sluice\//, 'on the volume')
  t.equal(config.events.driver, 'kafka', 'events go to the broker of the set-up')
})

test('has its drain within the time that it is given when a container is stopped', async t => {
  const { drain } = await routerConfig(t)
  for (const name of ROUTERS) {
    const given = seconds(STACK.services[name]?.stop_grace_period)
    t.ok(given * 1000 >= drain.delay + drain.grace + 2000, name)
  }
  t.ok(seconds(BALANCER?.stop_grace_period) > seconds(word('hard-stop-after')), 'balancer')
  const check = seconds(/ inter (\S+) fall/.exec(HAPROXY)?.[1])
  const falls = Number(/ fall (\d+) /.exec(HAPROXY)?.[1])
  t.ok((check + 1) * falls * 1000 < drain.delay, 'a drain is seen before connections are refused')
})

test('sends to each router, and asks whether it is ready, when the balancer is up', async t => {
  const { listen, telemetry } = await routerConfig(t)
  const servers = [...HAPROXY.matchAll(/^ {2}server (\S+) (\S+):(\d+)$/gm)]
  t.same(
    servers.map(([, name, host, port]) => [name, host, Number(port)]),
    ROUTERS.map(name => [name, name, listen.port])
  )
  for (const name of ROUTERS) t.ok(reaches('balancer', name), name)
  t.match(HAPROXY, /http-check send meth GET uri \/readyz /)
  t.match(HAPROXY, ` check port ${telemetry?.listen.port} `)
  const bound = [...HAPROXY.matchAll(/^ {2}bind :(\d+)$/gm)].map(([, port]) => port)
  for (const port of BALANCER?.ports ?? []) t.ok(bound.includes(port.split(':').at(-1)), port)
  const probe = new URL(BALANCER?.healthcheck?.test.at(-1) ?? '')
  t.ok(bound.includes(probe.port), 'its own check')
})

test('sends a request once, and keeps no connection longer than a router, when it forwards', async t => {
  t.match(HAPROXY, /^ {2}retry-on conn-failure$/m)
  t.equal([...HAPROXY.matchAll(/retry-on/g)].length, 1)
  t.match(HAPROXY, /^ {2}http-reuse safe$/m)
  t.ok(seconds(word('timeout http-keep-alive')) < IDLE_OF_ROUTERS)
  t.match(read('src/data-plane/listener.ts'), `idleMs: ${IDLE_OF_ROUTERS}_000`)
  const { routes } = await routerConfig(t)
  for (const { name, timeouts } of routes) {
    for (const wait of ['timeout server', 'timeout client']) {
      const given = seconds(word(wait)) * 1000
      t.ok(given > Math.max(timeouts.firstByte, timeouts.idle, timeouts.streamIdle), name)
    }
  }
})

test('is believed by the routers, and believes no client, when it says who asks', async t => {
  const { trustedProxies } = await routerConfig(t)
  const networks = BALANCER?.networks
  const address =
    networks === undefined || isList(networks) ? undefined : networks['front']?.ipv4_address
  t.same(trustedProxies, [`${address}/32`])
  const [range] = STACK.networks['front']?.ipam?.config ?? []
  t.equal(inside(address, range?.subnet), true)
  t.equal(inside(address, range?.ip_range), false, 'no other container can be given it')
  const shared = networksOf(BALANCER ?? { networks: [] })
  t.same(shared, ['front'], 'it has one address only')
  for (const field of ['x-forwarded- -m beg', 'forwarded', 'x-real-ip']) {
    t.match(HAPROXY, `\n  http-request del-header ${field}\n`, field)
  }
  t.match(HAPROXY, /^ {2}option forwardfor$/m)
})

test('reads the metrics of each router when Prometheus is up', async t => {
  const { telemetry } = await routerConfig(t)
  const jobs: readonly {
    readonly job_name: string
    readonly static_configs: readonly { readonly targets: readonly string[] }[]
  }[] = parse(read('config/prometheus/prometheus.yaml')).scrape_configs
  const targets = new Map(
    jobs.map(job => [job.job_name, job.static_configs.flatMap(each => each.targets)])
  )
  t.same(
    targets.get('sluice'),
    ROUTERS.map(name => `${name}:${telemetry?.listen.port}`)
  )
  for (const target of [...(targets.get('sluice') ?? []), ...(targets.get('balancer') ?? [])]) {
    const [host = '', port = ''] = target.split(':')
    t.ok(reaches('prometheus', host), target)
    if (host === 'balancer') t.match(HAPROXY, `\n  bind :${port}\n`, target)
  }
  const { command = [], volumes = [] } = STACK.services['prometheus'] ?? {}
  t.ok(command.includes('--config.file=/etc/prometheus/prometheus.yaml'))
  t.ok(volumes.includes('./config/prometheus:/etc/prometheus:ro'))
})

/** The configuration of the routers, with a secret that this machine has. */
async function routerConfig(t: { teardown(done: () => unknown): unknown }): Promise<Config> {
  let text = read('demo/compose/sluice.yaml')
  for (const secret of STACK.services['router-1']?.secrets ?? []) {
    const reference = `{ file: /run/secrets/${secret} }`
    if (!text.includes(reference)) throw new Error(`sluice.yaml does not read ${secret}`)
    text = text.replace(reference, '{ env: SECRET }')
  }
  return configOf(t, text, { SECRET: 'a secret of this test' })
}

function isList(networks: Service['networks']): networks is readonly string[] {
  return Array.isArray(networks)
}

/** Whether two services are on a network together. */
function reaches(from: string, to: string): boolean {
  const [one, other] = [STACK.services[from], STACK.services[to]]
  if (!one || !other) return false
  return networksOf(one).some(network => networksOf(other).includes(network))
}

/** The value of a keyword of haproxy.cfg that stands there once. */
function word(keyword: string): string {
  const found = [...HAPROXY.matchAll(new RegExp(`^ {2}${keyword} (\\S+)$`, 'gm'))]
  if (found.length !== 1) throw new Error(`${keyword} stands there ${found.length} times`)
  return found[0]?.[1] ?? ''
}

function inside(address: string | undefined, network: string | undefined): boolean {
  const ip = parseIp(address ?? '')
  const range = parseNetwork(network ?? '')
  if (ip === null || range === null) throw new Error(`${address} in ${network} is no question`)
  return inNetwork(range, ip)
}
