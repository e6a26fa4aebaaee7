/**
 * The configuration of a test's redis-server as the files that it reads, and how its user default gets in.
 *
 * What the product asks of a store is not assumed here: persistence is off unless a test asks for it, so that a
 * crash loses what it may lose.
 */
import { createHash } from 'node:crypto'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConnectionOptions } from './redis-connection.ts'
import { ROOT } from './sluice.ts'

export type RedisOptions = {
  readonly config?: readonly string[] // more lines of redis.conf
  readonly password?: string // of the user default
  readonly users?: string // text of an ACL file; before 7.0 channels need resetchannels before them
  readonly tls?: 'server' | 'mutual' // certificates of test/fixtures/tls; mutual asks for the client's
  readonly appendOnly?: boolean // every write is on disk before its answer
  readonly replicaOf?: number // port of the master, or of a proxy before it
  readonly port?: number // else a free one
}

const TLS = join(ROOT, 'test/fixtures/tls')

/** Writes redis.conf and what it names into `directory`. Returns the path of redis.conf. */
export async function writeConfig(
  directory: string,
  port: number,
  version: string,
  options: RedisOptions
): Promise<string> {
  const file = join(directory, 'redis.conf')
  await writeFile(join(directory, 'users.acl'), usersText(options))
  await writeFile(file, configLines(options, port, directory, version).join('\n'))
  for (const name of options.tls ? ['model.pem', 'model-key.pem', 'ca.pem'] : []) {
    await copyFile(join(TLS, name), join(directory, name))
  }
  return file
}

/** How the user default connects. */
export async function accessOf(options: RedisOptions, port: number): Promise<ConnectionOptions> {
  const pem = (name: string) => readFile(join(TLS, name), 'utf8')
  const password = options.password === undefined ? {} : { password: options.password }
  if (options.tls === undefined) return { port, ...password }
  const client =
    options.tls === 'mutual'
      ? { cert: await pem('client.pem'), key: await pem('client-key.pem') }
      : {}
  return { port, ...password, tls: { ca: await pem('ca.pem'), ...client } }
}

function configLines(
  options: RedisOptions,
  port: number,
  directory: string,
  version: string
): readonly string[] {
  const { tls, password, replicaOf, appendOnly = false } = options
  const lines = [
    'bind 127.0.0.1',
    'protected-mode no',
    'daemonize no',
    `dir "${directory}"`,
    `aclfile "${join(directory, 'users.acl')}"`,
    'save ""',
    `appendonly ${appendOnly ? 'yes' : 'no'}`,
    'appendfsync always',
    // A replica that lost its master asks again at once, and a full copy starts without waiting for others.
    'repl-diskless-sync yes',
    'repl-diskless-sync-delay 0',
    'repl-ping-replica-period 1'
  ]
  if (Number(version.split('.')[0]) >= 7) lines.push('enable-debug-command local')
  if (tls === undefined) lines.push(`port ${port}`)
  else {
    lines.push(
      'port 0',
      `tls-port ${port}`,
      'tls-cert-file model.pem',
      'tls-key-file model-key.pem',
      'tls-ca-cert-file ca.pem',
      `tls-auth-clients ${tls === 'mutual' ? 'yes' : 'no'}`
    )
  }
  if (replicaOf !== undefined) lines.push(`replicaof 127.0.0.1 ${replicaOf}`)
  if (password !== undefined) lines.push(`masterauth ${JSON.stringify(password)}`)
  return [...lines, ...(options.config ?? []), '']
}

/** The ACL file: the given users, and a user default that may do everything unless they say otherwise. */
function usersText({ users = '', password }: RedisOptions): string {
  if (/^user default /m.test(users)) return users
  const secret =
    password === undefined ? 'nopass' : `#${createHash('sha256').update(password).digest('hex')}`
  return `user default on ${secret} ~* &* +@all\n${users}`
}
