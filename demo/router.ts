/**
 * A router of the demo: the real program in a process and a directory of its own, and its admin API as an operator
 * uses it. The route is the same in every demo; only where its state is kept differs.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { revisionOf } from '../src/domain/document.ts'
import type { AuditEntry, RouteView, ShadowView } from '../src/ports.ts'
import { startChild } from './child.ts'
import type { Servers } from './servers.ts'

export const ROUTE = 'fraud'
export const PATH = '/v2/models/fraud/infer'
export const SLA_MS = 250
export const SHADOW = 'v4-try'

export type Router = {
  readonly dataUrl: string
  readonly adminUrl: string
  readonly tokenFile: string
  readonly route: () => Promise<RouteView>
  /** Changes weights of the route as it was seen. Never throws for an answer, whatever it is. */
  readonly setWeights: (seen: RouteView, weights: Weights) => Promise<Answer>
  /** The shadow of the route, where it has one. */
  readonly shadow: () => Promise<ShadowView>
  /** Switches the shadow; what it resolves with holds on every data thread. Throws when it is refused. */
  readonly setShadow: (on: boolean) => Promise<ShadowView>
  /** The newest first. */
  readonly decisions: () => Promise<readonly AuditEntry[]>
  /** Resolves with its stderr when it ends. */
  readonly gone: Promise<string>
  readonly stop: () => Promise<void>
}

export type Weights = Readonly<Record<string, number>>

export type Answer = {
  readonly status: number
  readonly code: string | null // of an error
}

export type RouterPlace = {
  readonly directory: string // its own; made when it is not there
  readonly servers: Pick<Servers, 'champion' | 'challenger'>
  /** More lines of the block `state`, each a key and its value. */
  readonly state?: readonly string[]
  /** The block `events`; without it nothing is published. */
  readonly events?: string
  /** More lines of the route. */
  readonly route?: readonly string[]
  /** Percent of the users for the challenger where the route has no state yet. */
  readonly share?: number
}

const PROGRAM = join(import.meta.dirname, '../bin/sluice.js')

/** Starts a router. Throws with what it said when it does not start. */
export async function startRouter(place: RouterPlace): Promise<Router> {
  const { directory } = place
  mkdirSync(directory, { recursive: true })
  const file = join(directory, 'sluice.yaml')
  writeFileSync(file, configuration(place))
  const child = await startChild([PROGRAM, 'serve', file], { cwd: directory })
  const { listen, admin } = child.ready
  const tokenFile = join(directory, 'state', 'operator.token')
  const token = readFileSync(tokenFile, 'utf8').trim()
  const call = (path: string, init: RequestInit = {}) =>
    fetch(`${admin}/admin/v1/routes/${ROUTE}${path}`, {
      ...init,
      headers: { ...init.headers, authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(30_000)
    })
  const read = async (path: string): Promise<unknown> => {
    const answer = await call(path)
    if (!answer.ok) throw new Error(`the admin API answered ${answer.status}`)
    return answer.json()
  }
  const shadow = async () => (await read(`/shadows/${SHADOW}`)) as ShadowView // likewise
  return {
    dataUrl: Array.isArray(listen) ? String(listen[0]) : '',
    adminUrl: String(admin),
    tokenFile,
    route: async () => (await read('')) as RouteView, // the router's own document
    async setWeights(seen, weights) {
      const answer = await call('', {
        method: 'PUT',
        headers: { 'content-type': 'application/json', 'if-match': `"${revisionOf(seen)}"` },
        body: JSON.stringify({ weights })
      })
      const body: unknown = await answer.json()
      return { status: answer.status, code: answer.ok ? null : codeOf(body) }
    },
    shadow,
    async setShadow(on) {
      const { revision } = await shadow()
      const answer = await call(`/shadows/${SHADOW}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json', 'if-match': `"${revision}"` },
        body: JSON.stringify({ on })
      })
      if (!answer.ok) throw new Error(`the shadow was not switched: ${await answer.text()}`)
      return (await answer.json()) as ShadowView // the router's own view
    },
    decisions: async () => (await read('/decisions?limit=20')) as readonly AuditEntry[], // likewise
    gone: child.exited.then(() => child.stderr()),
    stop: () => child.stop()
  }
}

function configuration({ servers, state = [], events, route = [], share }: RouterPlace): string {
  const weights = share === undefined ? '' : `initialWeights: { v3: ${100 - share}, v4: ${share} }`
  return `listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
state: { ${['directory: ./state', ...state].join(', ')} }
events: ${events ?? '{ driver: none }'}
drain: { delay: 0s, grace: 1s }
routes:
  ${ROUTE}:
    match: { paths: [/v2/models/fraud/] }
    protocol: open-inference
    hashOn: [{ header: x-user-id }]
    variants:
      v3: { upstreams: ["${servers.champion}"], model: { name: fraud, version: "3" } }
      v4: { upstreams: ["${servers.challenger}"], model: { name: fraud, version: "4" } }
    champion: v3
    ${weights}
    triggers: { latency: { sla: ${SLA_MS}ms } }
${route.map(line => `    ${line}\n`).join('')}`
}

function codeOf(problem: unknown): string | null {
  if (typeof problem !== 'object' || problem === null || !('code' in problem)) return null
  return typeof problem.code === 'string' ? problem.code : null
}
