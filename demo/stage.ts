/**
 * The stage of the demo: two real model servers and the router, each a process of its own, in a temporary
 * directory. Whatever happens, `clear` leaves no process and no file behind.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RouteView } from '../src/ports.ts'
import { type Child, startChild } from './child.ts'
import type { FaultKind } from './faults.ts'

const ROOT = join(import.meta.dirname, '..')
export const ROUTE = 'fraud'
export const PATH = '/v2/models/fraud/infer'
export const SLA_MS = 250

export type Stage = {
  readonly dataUrl: string
  readonly adminUrl: string
  readonly tokenFile: string
  /** Breaks the challenger's server. */
  readonly breakChallenger: (kind: FaultKind) => Promise<void>
  readonly route: () => Promise<RouteView>
  readonly decisions: () => Promise<unknown>
  /** Resolves when the router ends without being asked. */
  readonly routerGone: Promise<string>
  readonly clear: () => Promise<void>
}

/** Starts everything with `share` percent for the challenger. Throws when something does not start. */
export async function setStage(share: number): Promise<Stage> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-demo-'))
  const children: Child[] = []
  const clear = async () => {
    for (const child of children.reverse()) await child.stop()
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    const server = join(ROOT, 'demo/model-server.ts')
    const servers = await Promise.all(
      ['3', '4'].map(async version => {
        const child = await startChild([server, '--version', version])
        children.push(child)
        return child
      })
    )
    const file = join(directory, 'sluice.yaml')
    const [champion, challenger] = servers.map(child => addressesOf(child))
    writeFileSync(file, configuration(champion?.url ?? '', challenger?.url ?? '', share))
    const router = await startChild([join(ROOT, 'bin/sluice.js'), 'serve', file], {
      cwd: directory
    })
    children.push(router)
    const { listen, admin } = router.ready
    const tokenFile = join(directory, 'state', 'operator.token')
    const token = readFileSync(tokenFile, 'utf8').trim()
    const get = async (path: string): Promise<unknown> => {
      const answer = await fetch(`${admin}/admin/v1/routes/${ROUTE}${path}`, {
        headers: { authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(5_000)
      })
      if (!answer.ok) throw new Error(`the admin API answered ${answer.status}`)
      return answer.json()
    }
    return {
      dataUrl: Array.isArray(listen) ? String(listen[0]) : '',
      adminUrl: String(admin),
      tokenFile,
      breakChallenger: kind => setFault(challenger?.control ?? '', kind),
      route: async () => (await get('')) as RouteView, // the router's own document
      decisions: () => get('/decisions?limit=10'),
      routerGone: router.exited.then(() => router.stderr()),
      clear
    }
  } catch (error) {
    await clear()
    throw error
  }
}

function addressesOf(child: Child): { readonly url: string; readonly control: string } {
  const { url, control } = child.ready
  return { url: String(url), control: String(control) }
}

function configuration(champion: string, challenger: string, share: number): string {
  return `listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0 }
state: { directory: ./state }
events: { driver: none }
drain: { delay: 0s, grace: 1s }
routes:
  ${ROUTE}:
    match: { paths: [/v2/models/fraud/] }
    protocol: open-inference
    hashOn: [{ header: x-user-id }]
    variants:
      v3: { upstreams: ["${champion}"], model: { name: fraud, version: "3" } }
      v4: { upstreams: ["${challenger}"], model: { name: fraud, version: "4" } }
    champion: v3
    initialWeights: { v3: ${100 - share}, v4: ${share} }
    triggers: { latency: { sla: ${SLA_MS}ms } }
`
}

async function setFault(control: string, kind: FaultKind): Promise<void> {
  const answer = await fetch(`${control}/fault`, { method: 'PUT', body: JSON.stringify({ kind }) })
  if (!answer.ok) throw new Error(`the model server refused the fault: ${await answer.text()}`)
}
