/**
 * The two model servers of the demo, each a process of its own: version 3 for the champion, 4 for the challenger.
 */
import { join } from 'node:path'
import { type Child, startChild } from './child.ts'
import type { FaultKind } from './faults.ts'
import type { ModelKind } from './models.ts'

export type Servers = {
  readonly champion: string // URL
  readonly challenger: string
  readonly breakChallenger: (kind: FaultKind) => Promise<void>
  readonly stop: () => Promise<void>
}

/** Starts both, with models of these kinds. Throws when one does not start; then neither stays. */
export async function startServers(
  kinds: { readonly v3: ModelKind; readonly v4: ModelKind } = { v3: 'healthy', v4: 'healthy' }
): Promise<Servers> {
  const program = join(import.meta.dirname, 'model-server.ts')
  const starts = [
    startChild([program, '--version', '3', '--model', kinds.v3]),
    startChild([program, '--version', '4', '--model', kinds.v4])
  ]
  const settled = await Promise.allSettled(starts)
  const children = settled.flatMap(one => (one.status === 'fulfilled' ? [one.value] : []))
  const stop = async () => {
    await Promise.all(children.map(child => child.stop()))
  }
  const [champion, challenger] = children
  if (champion === undefined || challenger === undefined) {
    await stop()
    throw settled.find(one => one.status === 'rejected')?.reason
  }
  return {
    champion: String(champion.ready['url']),
    challenger: String(challenger.ready['url']),
    breakChallenger: kind => setFault(challenger, kind),
    stop
  }
}

async function setFault(child: Child, kind: FaultKind): Promise<void> {
  const answer = await fetch(`${child.ready['control']}/fault`, {
    method: 'PUT',
    body: JSON.stringify({ kind })
  })
  if (!answer.ok) throw new Error(`the model server refused the fault: ${await answer.text()}`)
}
