/**
 * The Redis of docker-compose.yml, started by its own script on a real server: the routers may do what they need
 * on their own keys, nobody else may do anything, and nothing is ever evicted.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import type { RedisSettings } from '../../src/config/config.ts'
import * as scripts from '../../src/io/redis/scripts.ts'
import { checkRedis } from '../../src/io/redis/server-check.ts'
import { startRedis } from '../helpers/redis.ts'
import { ROOT, temporaryDirectory } from '../helpers/sluice.ts'
import { read, STACK } from './stack.ts'

const PASSWORD = 'Aa1+/=_$`"\' of this test'

test('gives a router its own keys and channel, and nobody anything else, when it is up', async t => {
  const { users, config } = started(t, `${PASSWORD}\n`)
  t.notMatch(users, PASSWORD)
  const redis = await startRedis(t, { users, config, appendOnly: true })
  const router = await redis.connect({ username: 'sluice', password: PASSWORD })
  t.equal(await router.call('SET', 'sluice:{fraud}:doc', '{}'), 'OK')
  t.equal(await router.call('GET', 'sluice:{fraud}:doc'), '{}')
  t.equal(await router.call('PUBLISH', 'sluice:chg', 'fraud'), 0)
  t.match(await router.call('EVAL', "return redis.call('TIME')", '0'), [/^\d+$/, /^\d+$/])
  t.same(await router.call('CONFIG', 'GET', 'maxmemory-policy'), ['maxmemory-policy', 'noeviction'])
  t.same(await router.call('CONFIG', 'GET', 'appendonly'), ['appendonly', 'yes'])

  for (const forbidden of [
    ['SET', 'other:{fraud}:doc', '{}'],
    ['EVAL', "return redis.call('GET', KEYS[1])", '1', 'other:{fraud}:doc'],
    ['PUBLISH', 'other', 'x'],
    ['KEYS', '*'],
    ['FLUSHALL'],
    ['CONFIG', 'SET', 'appendonly', 'no'],
    ['REPLICAOF', 'NO', 'ONE'],
    ['SHUTDOWN'],
    ['ACL', 'LIST']
  ]) {
    await t.rejects(router.call(...forbidden), /NOPERM|No permissions/i, forbidden.join(' '))
  }
  const stranger = await redis.connect()
  await t.rejects(stranger.call('GET', 'sluice:{fraud}:doc'), /NOAUTH/)
  await t.rejects(redis.connect({ username: 'sluice', password: 'a guess' }), /WRONGPASS/)
  await t.rejects(redis.connect({ username: 'default', password: PASSWORD }), /WRONGPASS/)
})

test('is fit for a router, and refuses none of its commands, when a router looks', async t => {
  const { users, config } = started(t, PASSWORD)
  const watcher = 'user watcher on nopass resetkeys resetchannels -@all +acl\n'
  const redis = await startRedis(t, { users: `${users}${watcher}`, config, appendOnly: true })
  const settings: RedisSettings = {
    mode: 'standalone',
    nodes: [{ host: '127.0.0.1', port: redis.port }],
    database: 0,
    username: 'sluice',
    password: PASSWORD,
    sentinel: null,
    tls: null,
    prefix: 'sluice'
  }
  t.same(await checkRedis(settings), [])
  const elsewhere = await checkRedis({ ...settings, prefix: 'other' })
  t.match(elsewhere.join('\n'), /refused what a router needs/)

  const watch = await redis.connect({ username: 'watcher', password: 'any' })
  await watch.call('ACL', 'LOG', 'RESET')
  await checkRedis(settings)
  const refused = JSON.stringify(await watch.call('ACL', 'LOG'))
  t.notMatch(refused.replaceAll('client|setinfo', ''), /"object","[^"]/, refused)
})

test('allows what the scripts of a router call when they run', t => {
  const [, rules = ''] = /^user sluice (.*)$/m.exec(read('config/redis/users.acl')) ?? []
  const allowed = rules.split(' ')
  const called = Object.values(scripts).flatMap(script =>
    typeof script === 'object' && 'lua' in script
      ? [...script.lua.matchAll(/redis\.p?call\('(\w+)'/g)].map(([, name = '']) => name)
      : []
  )
  t.ok(called.length > 8)
  for (const name of new Set(called)) t.ok(allowed.includes(`+${name.toLowerCase()}`), name)
  t.end()
})

test('takes the password as the routers read it when the file ends in a line feed or not', async t => {
  t.equal(started(t, 'secret\n').users, started(t, 'secret').users)
  t.equal(started(t, 'secret\r\n').users, started(t, 'secret').users)
  t.not(started(t, 'secret ').users, started(t, 'secret').users)
})

test('does not start when there is no password', async t => {
  t.match(run(t, '\n'), { status: 2, stderr: /holds no password/ })
  t.not(run(t, null).status, 0)
})

test('starts by the script, with the file of the secret, when it is in its container', async t => {
  const { redis } = STACK.services
  t.same(redis?.entrypoint, ['sh', '/etc/redis/start.sh'])
  t.ok(redis?.volumes?.includes('./config/redis:/etc/redis:ro'))
  t.equal(redis?.environment?.['REDIS_PASSWORD_FILE'], `/run/secrets/${redis?.secrets?.[0]}`)
  t.ok(redis?.volumes?.some(mount => mount.endsWith(`:${redis.command?.at(-1)}`)))
})

test('lists each command once when the rights are read', async t => {
  const [, rules = ''] = /^user sluice (.*)$/m.exec(read('config/redis/users.acl')) ?? []
  const commands = rules.split(' ').filter(word => word.startsWith('+'))
  t.ok(commands.length > 15)
  t.same(commands, [...new Set(commands)].sort())
  t.ok(rules.includes(' -@all +'), 'and nothing beside them')
  const [, manual = ''] = /```\nuser sluice on ([^`]*)```/.exec(read('docs/operations.md')) ?? []
  const named = manual.split(/\s+/).filter(word => word.startsWith('+'))
  const ofNewer = '+client|setinfo' // Redis 7.0 does not know it, and a router does without its answer
  t.same(commands, named.filter(word => word !== ofNewer).sort(), 'the list of docs/operations.md')
  t.notMatch(rules, /\+@|allkeys|allcommands|nopass|allchannels/)
})

type Started = { readonly users: string; readonly config: readonly string[] }

/** Runs start.sh up to the point where Redis would start, and gives what it would start with. */
function started(t: Test, password: string): Started {
  const { status, stdout, stderr } = run(t, password)
  if (status !== 0) throw new Error(stderr)
  const [file = '', option, users = '', ...rest] = stdout.split('\n')
  t.same([option, rest], ['--aclfile', ['--port', '1', '']])
  const lines = readFileSync(file, 'utf8').split('\n')
  const text = readFileSync(users, 'utf8')
  return {
    users: text,
    config: lines.filter(line => line !== '' && !/^(#|bind )/.test(line)) // the server of a test stays on loopback
  }
}

function run(t: Test, password: string | null) {
  const directory = temporaryDirectory(t)
  const bin = join(directory, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'redis-server'), '#!/bin/sh\nprintf "%s\\n" "$@"\n')
  chmodSync(join(bin, 'redis-server'), 0o755)
  const file = join(directory, 'password')
  if (password !== null) writeFileSync(file, password)
  return spawnSync('sh', [join(ROOT, 'config/redis/start.sh'), '--port', '1'], {
    encoding: 'utf8',
    env: {
      PATH: `${bin}:${process.env['PATH']}`,
      TMPDIR: directory,
      REDIS_PASSWORD_FILE: file
    }
  })
}
