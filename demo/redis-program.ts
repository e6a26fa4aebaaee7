/**
 * Where the redis-server of the demo and of the tests comes from: REDIS_SERVER (a path), the PATH, the packages of
 * Debian or Ubuntu unpacked below node_modules/.cache (no root, nothing is installed or started), else a container.
 *
 * It looks in this order and takes the first that runs. When none does it throws and says what to do; a test is
 * never skipped for it. Several processes may look at the same moment: one downloads, the others wait.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { leash } from './leash.ts'
import { unpackRedis } from './redis-packages.ts'

export type RedisProgram = {
  readonly from: string // where it was found
  readonly version: string // as 7.0.15
  /** Starts it with these arguments. A Ctrl-C is ours to handle; whatever ends us ends it. */
  readonly start: (args: readonly string[], directory: string) => RunningRedis
}

export type RunningRedis = {
  readonly child: ChildProcess
  /** Reaches the server itself, also inside a container. */
  readonly signal: (signal: 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT') => void
}

export type Places = {
  readonly env: { readonly [name: string]: string | undefined } // PATH, REDIS_SERVER
  readonly cache: string // directory for unpacked packages
}

const HERE: Places = {
  env: process.env,
  cache: join(import.meta.dirname, '../node_modules/.cache/sluice-redis')
}
const IMAGE = 'redis:7.2'
const run = promisify(execFile)

let found: Promise<RedisProgram> | null = null

/** The program for this process, looked for once. */
export function redisProgram(): Promise<RedisProgram> {
  found ??= findRedis(HERE)
  return found
}

/** Looks for a server that runs. Throws with all reasons when there is none. */
export async function findRedis({ env, cache }: Places): Promise<RedisProgram> {
  if (env['REDIS_SERVER']) return local(env['REDIS_SERVER'], 'REDIS_SERVER')
  const onPath = executable('redis-server', env)
  if (onPath !== null) return local(onPath, 'the PATH')
  const reasons: string[] = ['redis-server is not on the PATH']
  if (executable('apt-get', env) !== null && executable('dpkg-deb', env) !== null) {
    try {
      return await local(await unpackRedis(cache, env), 'the packages of this system')
    } catch (error) {
      reasons.push(`unpacking the packages redis-server and redis-tools failed: ${textOf(error)}`)
    }
  } else reasons.push('apt-get is not here')
  const docker = executable('docker', env)
  if (docker !== null) {
    try {
      return await container(docker, env)
    } catch (error) {
      reasons.push(`docker cannot run ${IMAGE}: ${textOf(error)}`)
    }
  } else reasons.push('docker is not here')
  throw new Error(
    `A redis-server (6.2 or newer) is needed and there is none: ${reasons.join('; ')}. ` +
      'Install it (apt-get install redis-server, brew install redis), or set REDIS_SERVER to its path.'
  )
}

async function local(file: string, from: string): Promise<RedisProgram> {
  const { stdout } = await run(file, ['--version']).catch((error: unknown) => {
    throw new Error(`${file} (from ${from}) does not run: ${textOf(error)}`)
  })
  return {
    from: `${file} (from ${from})`,
    version: versionIn(stdout),
    start(args, cwd) {
      const child = spawn(file, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
      leash(child)
      return { child, signal: signal => void child.kill(signal) }
    }
  }
}

/** A container in the network of the host, so that servers, sentinels and cluster nodes reach each other. */
async function container(docker: string, env: Places['env']): Promise<RedisProgram> {
  const { stdout } = await run(docker, ['run', '--rm', IMAGE, 'redis-server', '--version'], { env })
  return {
    from: `the image ${IMAGE}`,
    version: versionIn(stdout),
    start(args, directory) {
      const name = `sluice-redis-${randomBytes(6).toString('hex')}`
      const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`
      const place = ['--network', 'host', '--user', user, '-v', `${directory}:${directory}`]
      const child = spawn(
        docker,
        ['run', '--rm', '--name', name, ...place, '-w', directory, IMAGE, 'redis-server', ...args],
        { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true }
      )
      leash(child)
      return {
        child,
        signal(which) {
          const { status } = spawnSync(docker, ['kill', `--signal=${which}`, name], { env })
          if (status !== 0) child.kill(which) // there is no container yet
        }
      }
    }
  }
}

function executable(name: string, env: Places['env']): string | null {
  for (const directory of (env['PATH'] ?? '').split(delimiter).filter(Boolean)) {
    const file = join(directory, name)
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch {} // the next one
  }
  return null
}

function versionIn(text: string): string {
  const version = /\bv=(\d+\.\d+\.\d+)/.exec(text)?.[1]
  if (version === undefined) throw new Error(`not a redis-server, it says: ${text.slice(0, 200)}`)
  return version
}

function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.trim().slice(0, 600)
}
