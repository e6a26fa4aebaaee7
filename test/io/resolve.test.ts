import { test } from 'tap'
import { createResolver } from '../../src/io/resolve.ts'
import { until } from '../helpers/until.ts'

type Answer = { readonly ips: readonly string[] } | { readonly failed: string }

/** A name server in memory: what it answers can change, it can fail, and it can hang. */
function nameServer(first: () => Promise<readonly string[]>) {
  const server = { answer: first, asked: 0, running: 0, most: 0 }
  const lookup = async () => {
    server.asked++
    server.running++
    server.most = Math.max(server.most, server.running)
    try {
      return await server.answer()
    } finally {
      server.running--
    }
  }
  return { server, lookup }
}

function notFound(): Promise<never> {
  return Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }))
}

test('answers a literal address with itself when nothing is looked up', async t => {
  const { server, lookup } = nameServer(notFound)
  const resolver = createResolver(lookup)
  const answers: Answer[] = []
  resolver.watch('192.0.2.1', 10, answer => answers.push(answer))()
  resolver.watch('::1', 10, answer => answers.push(answer))()
  t.same(answers, [{ ips: ['192.0.2.1'] }, { ips: ['::1'] }])
  t.same(await resolver.lookup('192.0.2.1'), ['192.0.2.1'])
  t.equal(server.asked, 0)
})

test('gives all addresses of a real name when the system resolves it', async t => {
  const resolver = createResolver()
  const ips = await resolver.lookup('localhost')
  t.ok(ips.includes('127.0.0.1') || ips.includes('::1'), ips.join())
  await t.rejects(resolver.lookup('no-such-name.invalid'))
  t.ok(resolver.ownAddresses().length > 0)
})

test('resolves again and again and tells changes only, in whatever order they come', async t => {
  const { server, lookup } = nameServer(async () => ['192.0.2.2', '192.0.2.1', '2001:db8::1'])
  const answers: Answer[] = []
  const stop = createResolver(lookup).watch('m.test', 5, answer => answers.push(answer))
  await until('five look-ups', () => server.asked >= 5)
  server.answer = async () => ['2001:db8::1', '192.0.2.1', '192.0.2.2']
  const asked = server.asked
  await until('more look-ups', () => server.asked >= asked + 3)
  t.same(answers, [{ ips: ['192.0.2.1', '192.0.2.2', '2001:db8::1'] }])
  server.answer = async () => ['192.0.2.3']
  await until('the change', () => answers.length === 2)
  t.same(answers[1], { ips: ['192.0.2.3'] })
  stop()
  const last = server.asked
  await new Promise(resolve => setTimeout(resolve, 30))
  t.ok(server.asked <= last + 1, 'nothing is asked after stop')
})

test('tells each failure and goes on when a name is gone or has no addresses', async t => {
  const { server, lookup } = nameServer(async () => ['192.0.2.1'])
  const answers: Answer[] = []
  const stop = createResolver(lookup).watch('m.test', 5, answer => answers.push(answer))
  await until('an answer', () => answers.length === 1)
  server.answer = notFound
  await until('two failures', () => answers.length >= 3)
  server.answer = async () => []
  await until('an empty answer', () => answers.some(a => 'failed' in a && a.failed === 'ENODATA'))
  server.answer = async () => ['192.0.2.1']
  const failures = answers.length
  const asked = server.asked
  await until('more look-ups', () => server.asked >= asked + 3)
  stop()
  t.same(answers[0], { ips: ['192.0.2.1'] })
  t.same(answers[1], { failed: 'ENOTFOUND' })
  t.ok(answers.slice(failures + 1).length === 0, 'the same answer again is no news')
})

test('runs two look-ups at a time when many names hang', async t => {
  let release = () => {}
  const held = new Promise<void>(resolve => {
    release = resolve
  })
  const { server, lookup } = nameServer(async () => {
    await held
    return ['192.0.2.1']
  })
  const resolver = createResolver(lookup)
  const all = Promise.all(Array.from({ length: 8 }, (_, i) => resolver.lookup(`m${i}.test`)))
  await until('two are running', () => server.running === 2)
  t.equal(server.asked, 2)
  release()
  t.equal((await all).length, 8)
  t.equal(server.most, 2)
})
