/**
 * Real model servers for tests: ONNX Runtime in a process of its own, with faults on request.
 */
import { join } from 'node:path'
import { startChild } from '../../demo/child.ts'
import type { FaultKind } from '../../demo/faults.ts'
import { ROOT } from './sluice.ts'

export type ModelServer = {
  readonly url: string // http://127.0.0.1:port
  readonly pid: number
  /** Switches a fault on (or `none`); `share` of the prediction calls, 0..1. Resolves when it holds. */
  readonly fault: (
    kind: FaultKind,
    settings?: { readonly share?: number; readonly delayMs?: number }
  ) => Promise<void>
  readonly stop: () => Promise<void>
}

/** One model server for `name` at `version`; torn down with the test `t`. `port` for a restart at its place. */
export async function startModelServer(
  t: { teardown(done: () => unknown): unknown },
  {
    name = 'fraud',
    version = '1',
    port = 0
  }: { readonly name?: string; readonly version?: string; readonly port?: number } = {}
): Promise<ModelServer> {
  const file = join(ROOT, 'demo/model-server.ts')
  const child = await startChild([file, '--name', name, '--version', version, '--port', `${port}`])
  t.teardown(() => child.stop(1_000))
  const { url, control } = child.ready
  return {
    url: String(url),
    pid: child.pid,
    async fault(kind, settings = {}) {
      const response = await fetch(`${control}/fault`, {
        method: 'PUT',
        body: JSON.stringify({ kind, ...settings })
      })
      if (!response.ok) throw new Error(`fault ${kind}: ${await response.text()}`)
      if (kind === 'dead') await child.exited
    },
    stop: () => child.stop(1_000)
  }
}

/** An Open Inference request of `rows` rows, as a model server of the demo takes it. */
export function inference(rows = 1): string {
  const data = Array.from({ length: rows * 4 }, (_, i) => (i % 7) / 7)
  return JSON.stringify({
    inputs: [{ name: 'features', shape: [rows, 4], datatype: 'FP32', data }]
  })
}
