import { hostname, networkInterfaces } from 'node:os'
import { test } from 'tap'
import { problemsOf, smallConfig } from '../helpers/config-file.ts'

type Teardown = { teardown(done: () => unknown): unknown }

/** Problems where the challenger v4 has one upstream. */
function of(t: Teardown, upstream: string, top: string, more = ''): Promise<readonly string[]> {
  return problemsOf(t, smallConfig(more, top).replace('http://127.0.0.1:8002', upstream))
}

const loop = (by: string) =>
  new RegExp(
    `^sluice\\.yaml:\\d+:\\d+ routes\\.fraud\\.variants\\.v4\\.upstreams\\[0\\]: http://\\S+ is ${by} of this router, so requests would go round`
  )
const EVERYWHERE = 'listen: 0.0.0.0:7777'

test('refuses a variant as a loop when its upstream is a listener of this router', async t => {
  const own = Object.values(networkInterfaces())
    .flatMap(all => all ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address
  for (const host of [
    '127.0.0.1',
    '127.9.9.9',
    'localhost',
    'a.localhost',
    '0.0.0.0',
    ...(own ? [own] : [])
  ]) {
    t.match(await of(t, `http://${host}:7777`, EVERYWHERE), [loop('listen')], host)
    t.same(await of(t, `http://${host}:7778`, EVERYWHERE), [], 'another port')
  }
  t.same(await of(t, 'http://[::1]:7777', EVERYWHERE), [], 'nobody listens on IPv6')
  t.match(await of(t, 'http://[::1]:7777', 'listen: "[::]:7777"'), [loop('listen')])
  const named = [hostname()].filter(name => !/^[0-9.]+$/.test(name)) // which would be an address
  for (const host of ['127.0.0.1', '[::ffff:127.0.0.1]', '[::]', ...named]) {
    t.match(await of(t, `http://${host}:7777`, 'listen: "[::]:7777"'), [loop('listen')], host)
  }
  t.match(await of(t, 'http://10.9.8.7:7777', 'listen: 10.9.8.7:7777'), [loop('listen')])
  t.same(await of(t, 'http://127.0.0.1:7777', 'listen: 10.9.8.7:7777'), [], 'another address')
  t.same(await of(t, 'http://model.test:7777', EVERYWHERE), [], 'a name of somebody')
  t.match(await of(t, 'http://localhost:9911', EVERYWHERE), [loop('admin\\.listen')])
  const telemetry = 'telemetry: { listen: "0.0.0.0:9912" }'
  t.match(await of(t, 'http://127.0.0.1:9912', telemetry), [loop('telemetry\\.listen')])
  t.same(await of(t, 'http://127.0.0.1:1', 'listen: 127.0.0.1:0'), [], 'nobody knows the port yet')
})

test('refuses the champion too when it is a loop, and says each place once', async t => {
  const problems = await problemsOf(t, smallConfig('', 'listen: 127.0.0.1:8001'))
  t.match(problems, [
    /^sluice\.yaml:5:\d+ routes\.fraud\.variants\.v3\.upstreams\[0\]: .* is listen of/
  ])
  t.equal(problems.length, 1)
  const shadow = 'protocol: json\nshadows: [{ name: a, variant: v4, percent: 1 }]'
  t.equal((await of(t, 'http://127.0.0.1:7777', EVERYWHERE, shadow)).length, 1, 'not again there')
  const second = smallConfig('', EVERYWHERE).replace(
    '"http://127.0.0.1:8002"',
    '"http://127.0.0.1:8002", { url: "http://127.0.0.1:7777" }'
  )
  t.match(await problemsOf(t, second), [/variants\.v4\.upstreams\[1\]\.url: .* is listen of/])
})
