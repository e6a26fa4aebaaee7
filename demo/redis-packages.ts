/**
 * redis-server out of the package archive of Debian or Ubuntu, unpacked into a directory: no root, no installation,
 * no service that starts. Only the libraries that it links are taken along; libc is the system's.
 */
import { execFile } from 'node:child_process'
import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { filledOnce } from './filled-once.ts'

type Env = { readonly [name: string]: string | undefined }

const run = promisify(execFile)

/** Path of a redis-server below `cache`, unpacked now when it is not there yet. Throws what apt or dpkg said. */
export async function unpackRedis(cache: string, env: Env): Promise<string> {
  await filledOnce(cache, work => fill(work, env))
  return join(cache, 'redis-server')
}

async function fill(work: string, env: Env): Promise<void> {
  mkdirSync(join(work, 'root'))
  await download(work, env)
  for (const name of globSync('*.deb', { cwd: work })) {
    await run('dpkg-deb', ['-x', join(work, name), join(work, 'root')], { env })
    rmSync(join(work, name))
  }
  const libraries = globSync('{lib,usr/lib}/*-linux-*', { cwd: join(work, 'root') })
  const places = libraries.map(place => `$here/root/${place}`).join(':')
  const script = [
    '#!/bin/sh',
    'here="$' + '{0%/*}"', // where the script is when it runs: the directory is renamed after this
    `export LD_LIBRARY_PATH="${places}"`,
    'exec "$here/root/usr/bin/redis-server" "$@"'
  ]
  writeFileSync(join(work, 'redis-server'), `${script.join('\n')}\n`, { mode: 0o755 })
  await run(join(work, 'redis-server'), ['--version'], { env })
}

/** With the package lists of the system; when they are missing or old, with lists of our own. */
async function download(work: string, env: Env): Promise<void> {
  const lists = join(work, 'apt')
  try {
    await downloadWith([], work, env)
  } catch {
    for (const part of ['state/lists/partial', 'cache/archives/partial']) {
      mkdirSync(join(lists, part), { recursive: true })
    }
    const own = {
      'Dir::State': join(lists, 'state'),
      'Dir::State::status': '/var/lib/dpkg/status',
      'Dir::Cache': join(lists, 'cache'),
      'APT::Sandbox::User': 'root' // else apt changes to a user that may not write here
    }
    const options = Object.entries(own).flatMap(([name, value]) => ['-o', `${name}=${value}`])
    await run('apt-get', [...options, '-qq', 'update'], { env })
    await downloadWith(options, work, env)
  }
  rmSync(lists, { recursive: true, force: true })
}

async function downloadWith(options: readonly string[], work: string, env: Env): Promise<void> {
  const names = await packages(options, env)
  const sandbox = ['-o', 'APT::Sandbox::User=root']
  await run('apt-get', [...options, ...sandbox, '-qq', 'download', ...names], { cwd: work, env })
}

/** redis-server, redis-tools (the binary is in it on Debian) and the libraries below them, without libc. */
async function packages(options: readonly string[], env: Env): Promise<readonly string[]> {
  const kinds = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances']
  const only = kinds.map(kind => `--no-${kind}`)
  const { stdout } = await run(
    'apt-cache',
    [...options, 'depends', '--recurse', ...only, 'redis-server', 'redis-tools'],
    { env: { ...env, LC_ALL: 'C' }, maxBuffer: 64 * 1024 * 1024 }
  )
  const depends = new Map<string, string[]>()
  let current: string[] = []
  for (const line of stdout.split('\n')) {
    const dependency = /^ [ |](?:Pre)?Depends: ([a-z0-9][^ <:]*)/.exec(line)?.[1]
    if (dependency !== undefined) current.push(dependency)
    else if (/^[a-z0-9]/.test(line)) {
      current = []
      depends.set(line.trim(), current)
    }
  }
  const wanted = new Set(['redis-server', 'redis-tools'])
  for (const name of wanted) {
    for (const below of depends.get(name) ?? []) {
      if (/^lib/.test(below) && !/^libc(6|-bin|rypt1)/.test(below)) wanted.add(below)
    }
  }
  return [...wanted].filter(name => depends.has(name))
}
