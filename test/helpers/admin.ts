/**
 * The admin listener in this process over the real controller and the real file state, without data threads:
 * they would add nothing here but time. Tokens of all four roles; every line of the log is kept.
 */
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import http from 'node:http'
import { join } from 'node:path'
import { createAdmin } from '../../src/admin/server.ts'
import { ROLES, type Role } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { type Controller, createController } from '../../src/control-plane/controller.ts'
import { createRegions } from '../../src/control-plane/regions.ts'
import { firstOf } from '../../src/control-plane/reload.ts'
import { createShadowCounts } from '../../src/control-plane/shadow-counts.ts'
import type { ShadowProcess } from '../../src/control-plane/shadow-process.ts'
import type { Threads } from '../../src/control-plane/threads.ts'
import { createUpstreams } from '../../src/control-plane/upstreams.ts'
import { createFileState } from '../../src/io/file-state.ts'
import type { AuditEntry, Control, RouteView } from '../../src/ports.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { temporaryDirectory } from './sluice.ts'

export const TOKENS: Readonly<Record<Role, string>> = {
  viewer: 'TEST-VIEWER-TOKEN',
  breaker: 'TEST-BREAKER-TOKEN',
  operator: 'TEST-OPERATOR-TOKEN',
  admin: 'TEST-ADMIN-TOKEN'
}

const CONFIG = `
listen: 127.0.0.1:8080
admin: { listen: "127.0.0.1:0" }
state: { directory: STATE }
events: { driver: none }
routes:
  demo:
    match: { hosts: [router.test], paths: [/v1/predict, /v1/predict/] }
    protocol: opaque
    hashOn: [{ header: x-user-id }]
    variants:
      stable: { upstreams: ["http://127.0.0.1:18001"], model: { name: m, version: "3" } }
      canary: { upstreams: ["http://127.0.0.1:18002"], model: { name: m, version: "4" } }
    champion: stable
    initialWeights: { stable: 100, canary: 0 }
    shadows:
      - { name: canary-try, variant: canary, percent: 10 }
      - { name: all, variant: canary, percent: 100, sample: request, whileLive: true }
  other:
    match: { paths: [/other/] }
    protocol: opaque
    hashOn: [{ header: x-user-id }]
    variants:
      a: { upstreams: ["http://127.0.0.1:18003"], model: { name: m, version: "3" } }
      constructor: { upstreams: ["http://127.0.0.1:18004"], model: { name: m, version: "4" } }
    champion: a
    initialWeights: { a: 90, constructor: 10 }
`

export type Reply = {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly text: string
  readonly body: unknown
}

export type Ask = {
  readonly token?: string | null // null: no Authorization at all; default operator
  readonly body?: unknown // JSON, or a text or bytes as they are
  readonly ifMatch?: string
  readonly headers?: Readonly<Record<string, string | string[]>>
}

export type TestAdmin = {
  readonly port: number
  readonly control: Controller
  readonly directory: string
  /** Sends one request on its own connection. */
  readonly ask: (method: string, path: string, ask?: Ask) => Promise<Reply>
  /** The ETag of a route now. */
  readonly etag: (route?: string) => string
  readonly log: () => readonly { readonly [field: string]: unknown }[]
  readonly logText: () => string
  /** All audit entries, oldest first. */
  readonly audit: () => Promise<readonly AuditEntry[]>
  readonly stop: () => Promise<void>
}

type Teardown = { teardown(done: () => unknown): unknown }

export async function startAdmin(
  t: Teardown,
  options: {
    readonly allowedHosts?: readonly string[]
    readonly host?: string
    readonly control?: (real: Controller) => Control
    readonly tls?: { readonly cert: string; readonly key: string }
  } = {}
): Promise<TestAdmin> {
  const directory = temporaryDirectory(t)
  const file = join(directory, 'sluice.yaml')
  await writeFile(file, CONFIG.replace('STATE', join(directory, 'state')))
  const lines: string[] = []
  const log = createLogger({ level: 'debug', target: { write: line => void lines.push(line) } })
  const controller = await startController(file, log)
  t.teardown(controller.close)
  const tokens = ROLES.map(role => ({ id: `the-${role}`, role, sha256: sha256(TOKENS[role]) }))
  const access = {
    allowedHosts: options.allowedHosts ?? [],
    tokens: [...tokens, { id: 'empty', role: 'admin' as const, sha256: sha256('') }]
  }
  const admin = createAdmin({
    control: options.control?.(controller.control) ?? controller.control,
    listen: { host: options.host ?? '127.0.0.1', port: 0, tls: options.tls ?? null },
    access: () => access,
    log
  })
  const { port } = await admin.start()
  t.teardown(() => admin.stop())
  return {
    port,
    control: controller.control,
    directory,
    ask: (method, path, ask = {}) => send(port, method, path, ask),
    etag: (route = 'demo') => etagOf(controller.control.route(route)),
    log: () => lines.map(line => JSON.parse(line)),
    logText: () => lines.join(''),
    async audit() {
      const text = await readFile(join(directory, 'state/audit.ndjson'), 'utf8')
      return text
        .split('\n')
        .filter(Boolean)
        .map(line => JSON.parse(line))
    },
    stop: () => admin.stop()
  }
}

/** One request, one connection. */
export function send(port: number, method: string, path: string, ask: Ask = {}): Promise<Reply> {
  const token = ask.token === undefined ? TOKENS.operator : ask.token
  const text = typeof ask.body === 'string' || Buffer.isBuffer(ask.body)
  const body = ask.body === undefined ? null : text ? ask.body : JSON.stringify(ask.body)
  const headers: Record<string, string | string[]> = {
    host: `127.0.0.1:${port}`,
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    ...(body === null ? {} : { 'content-type': 'application/json' }),
    ...(ask.ifMatch === undefined ? {} : { 'if-match': ask.ifMatch }),
    ...ask.headers
  }
  return new Promise((resolve, reject) => {
    const request = http.request({ port, host: '127.0.0.1', method, path, headers, agent: false })
    request.once('error', reject)
    request.once('response', response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString()
        const json = /json/.test(response.headers['content-type'] ?? '') && text !== ''
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          body: json ? JSON.parse(text) : null
        })
      })
    })
    request.end(body ?? undefined)
  })
}

/** The code of a problem document. */
export function codeOf(reply: Reply): string {
  const { body } = reply
  return typeof body === 'object' && body !== null && 'code' in body ? String(body.code) : ''
}

/** A member of a JSON answer. */
export function member(reply: Reply, name: string): unknown {
  const { body } = reply
  return typeof body === 'object' && body !== null
    ? Object.entries(body).find(([key]) => key === name)?.[1]
    : undefined
}

async function startController(
  file: string,
  log: Parameters<typeof createFileState>[0]['log']
): Promise<{ control: Controller; close: () => Promise<void> }> {
  const clock = { now: () => performance.now(), wall: () => new Date() }
  let ids = 0
  const newId = (prefix: string) => `${prefix}-${++ids}`
  const load = async () => {
    const loaded = await loadConfig(file, process.env)
    return loaded.ok
      ? { ok: true as const, config: loaded.config, warnings: [] }
      : { ok: false as const, problems: loaded.problems.map(String) }
  }
  const first = await load()
  if (!first.ok) throw new Error(first.problems.join('\n'))
  const { config } = first
  const store = createFileState({ directory: config.state.directory, clock, log })
  await store.open(
    config.routes.map(({ name }) => name),
    name => {
      const route = config.routes.find(candidate => candidate.name === name)
      if (!route) throw new Error(`no route ${name}`)
      return firstOf(config, route, clock, newId)
    }
  )
  const upstreams = createUpstreams({
    resolver: {
      watch: (_name, _refresh, listener) => {
        listener({ ips: ['192.0.2.1'] })
        return () => undefined
      },
      lookup: async name => (name === 'inside.test' ? ['169.254.169.254'] : ['192.0.2.1']),
      ownAddresses: () => ['127.0.0.1']
    },
    stores: () => [],
    probe: {
      watch: (_target, listener) => {
        listener(true, '')
        return () => undefined
      }
    },
    clock,
    log,
    ownPorts: () => [8080]
  })
  const control = createController({
    config,
    store,
    threads: NO_THREADS,
    regions: createRegions(1),
    upstreams,
    clock,
    log,
    newId,
    pseudonym: 'test',
    unitKey: Buffer.from('key'),
    load,
    version: '0.0.0',
    shadowProcess: NO_SHADOW_PROCESS,
    shadowCounts: createShadowCounts(1),
    stateWarnings: [],
    counters: null
  })
  control.start()
  return {
    control,
    async close() {
      control.stop()
      upstreams.stop()
      await store.close()
    }
  }
}

const NO_THREADS: Threads = {
  start: async () => ({ host: '127.0.0.1', port: 8080 }),
  post: () => undefined,
  applied: async () => ({ threads: 1, of: 1 }),
  roads: { open: () => undefined, close: async () => undefined },
  accepting: () => 1,
  drain: async () => undefined,
  stop: async () => undefined
}

/** Pairs and events are not what these tests are about. */
const NO_SHADOW_PROCESS: ShadowProcess = {
  start: async () => undefined,
  running: () => true,
  attach: () => undefined,
  road: () => null,
  setTargets: () => undefined,
  publish: () => undefined,
  report: async () => null,
  agreement: () => [],
  events: () => [],
  vitals: () => null,
  faults: () => [],
  close: async () => undefined
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function etagOf(view: RouteView | null): string {
  return view ? `"${view.epoch}-${view.revision}"` : ''
}
