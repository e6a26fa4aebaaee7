/**
 * The proxies that Sluice is measured against, each as one process with one thread in front of the same
 * upstream. What is not installed is said, not skipped silently.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installed, type Program, startNode, startServer } from '../process.ts'

export type Subject = {
  readonly name: string
  readonly version: string
  readonly url: string
  readonly pid: number
  readonly stop: () => Promise<void>
}

/** @fastify/http-proxy in one process, nothing added. */
export async function bareHttpProxy(upstream: number, version: string): Promise<Subject> {
  const file = join(import.meta.dirname, 'fastify-http-proxy.ts')
  return nodeSubject('bare @fastify/http-proxy', version, file, upstream)
}

/** node:http and undici, nothing else. */
export async function nodeUndici(upstream: number, version: string): Promise<Subject> {
  return nodeSubject(
    'node:http + undici',
    version,
    join(import.meta.dirname, 'node-undici.ts'),
    upstream
  )
}

/** nginx with one worker; null where it is not installed. */
export async function nginx(upstream: number): Promise<Subject | null> {
  const command = installed('nginx')
  if (command === null) return null
  const version = /nginx\/([\d.]+)/.exec(versionText(command, '-v'))?.[1] ?? '?'
  return serverSubject('nginx', version, command, 'nginx.conf', upstream, file => ['-c', file])
}

/** HAProxy with one thread; null where it is not installed. */
export async function haproxy(upstream: number): Promise<Subject | null> {
  const command = installed('haproxy')
  if (command === null) return null
  const version = /version ([\d.]+)/.exec(versionText(command, '-v'))?.[1] ?? '?'
  return serverSubject('HAProxy', version, command, 'haproxy.cfg', upstream, file => [
    '-db',
    '-f',
    file
  ])
}

async function nodeSubject(
  name: string,
  version: string,
  file: string,
  upstream: number
): Promise<Subject> {
  const program = await startNode(file, [`http://127.0.0.1:${upstream}`])
  const { port } = program.ready
  return subject(name, version, Number(port), program, () => {})
}

async function serverSubject(
  name: string,
  version: string,
  command: string,
  template: string,
  upstream: number,
  args: (file: string) => readonly string[]
): Promise<Subject> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
  const port = await freePort()
  const file = join(directory, template)
  const text = readFileSync(join(import.meta.dirname, template), 'utf8')
    .replaceAll('@directory@', directory)
    .replaceAll('@upstream@', String(upstream))
    .replaceAll('@port@', String(port))
  writeFileSync(file, text)
  const program = await startServer(command, args(file), port)
  return subject(name, version, port, program, () => rmSync(directory, { recursive: true }))
}

function subject(
  name: string,
  version: string,
  port: number,
  program: Program,
  after: () => void
): Subject {
  const stop = () => program.stop().then(after)
  return { name, version, url: `http://127.0.0.1:${port}`, pid: program.pid, stop }
}

/** nginx says its version on stderr. */
function versionText(command: string, flag: string): string {
  return execFileSync('sh', ['-c', `${command} ${flag} 2>&1`], { encoding: 'utf8' })
}

function freePort(): Promise<number> {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}
