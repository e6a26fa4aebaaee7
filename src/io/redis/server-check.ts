/**
 * Whether a Redis is fit to keep the state of routes: reachable, not too old, ours to use, and set so that it
 * neither evicts nor forgets. Asked at every connection of a router and by `sluice check --online`.
 *
 * Nothing here stops a router: what is wrong is said, and it goes on with what it knows.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { RedisSettings } from '../../config/config.ts'
import type { Log } from '../../ports.ts'
import { faultOf } from './fault.ts'
import { openLink, type RedisLink } from './link.ts'
import { ANNOUNCE, hintChannel, NO_ROUTE, READ, routeKeys } from './scripts.ts'

const OLDEST = [6, 2] as const
const CONNECT_MS = 5_000
const LOOK_MS = 20
const PROBE_SECONDS = '1'

/** One sentence for each thing that is wrong; empty when all is well. Never throws. */
export async function checkRedis(settings: RedisSettings): Promise<readonly string[]> {
  const link = openLink(settings, SILENT)
  try {
    const ready = await readyWithin(link, settings.mode, CONNECT_MS)
    if (!ready) {
      const [reason = 'no answer'] = Object.keys(link.errors())
      return [`it cannot be used (${reason}): check address, password and TLS`]
    }
    return await inspect(link, settings.prefix)
  } finally {
    link.close()
  }
}

/** The same over a connection that is there. */
export async function inspect(link: RedisLink, prefix: string): Promise<readonly string[]> {
  const problems = await Promise.all([
    versionOf(link),
    evictionOf(link),
    persistenceOf(link),
    rightsOf(link, prefix)
  ])
  return problems.flat()
}

async function versionOf(link: RedisLink): Promise<readonly string[]> {
  const info = await ask(link, 'info', 'server')
  const version = /redis_version:(\S+)/.exec(String(info))?.[1]
  if (version === undefined) return [] // INFO is not allowed to this user; the scripts tell
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const old = major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])
  return old ? [`it is Redis ${version}; at least ${OLDEST.join('.')} is needed`] : []
}

async function evictionOf(link: RedisLink): Promise<readonly string[]> {
  const policy = await settingOf(link, 'maxmemory-policy')
  if (!policy?.startsWith('allkeys-')) return []
  return [
    `its maxmemory-policy is ${policy}, so it may drop the state of routes when memory is short; set noeviction or a volatile policy`
  ]
}

async function persistenceOf(link: RedisLink): Promise<readonly string[]> {
  const appendOnly = await settingOf(link, 'appendonly')
  if (appendOnly !== 'no') return []
  const save = await settingOf(link, 'save')
  const what =
    save === '' ? 'keeps nothing on disk' : 'keeps snapshots alone, and loses what came after one'
  return [`it ${what}; set appendonly yes (replicas put back what they know, if any is there)`]
}

/** Runs what a router runs, on keys that no route has. */
async function rightsOf(link: RedisLink, prefix: string): Promise<readonly string[]> {
  const keys = routeKeys(prefix, NO_ROUTE)
  const steps: readonly (() => Promise<unknown>)[] = [
    () => link.run(READ, [keys.doc, keys.log, keys.seen], ['']),
    () => link.run(ANNOUNCE, [keys.seen], ['check', '{}', PROBE_SECONDS]),
    () => link.command('publish', hintChannel(prefix), ''),
    () => link.command('xrevrange', keys.log, '+', '-', 'COUNT', '1')
  ]
  for (const step of steps) {
    try {
      await step()
    } catch (error) {
      const { reason, message } = faultOf(error)
      return [`it refused what a router needs (${reason}): ${message}`]
    }
  }
  return []
}

async function settingOf(link: RedisLink, name: string): Promise<string | null> {
  const reply = await ask(link, 'config', 'get', name)
  return Array.isArray(reply) && typeof reply[1] === 'string' ? reply[1] : null
}

/** Null where this user may not ask; managed services often forbid CONFIG. */
async function ask(link: RedisLink, name: string, ...args: readonly string[]): Promise<unknown> {
  const [first = '', ...rest] = args
  return link.command(name, first, ...rest).catch(() => null)
}

/** False after the limit, or sooner where another try cannot end better. */
async function readyWithin(
  link: RedisLink,
  mode: RedisSettings['mode'],
  ms: number
): Promise<boolean> {
  for (const end = performance.now() + ms; performance.now() < end; await delay(LOOK_MS)) {
    if (link.ready()) return true
    const faults = Object.keys(link.errors())
    if (faults.includes('auth') || (mode === 'standalone' && faults.length > 0)) return false
  }
  return false
}

const SILENT: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined
}
