/**
 * A language model server as a child process of a test, with a model of its own.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startChild } from '../../demo/child.ts'
import { temporaryDirectory } from '../helpers/sluice.ts'
import type { Behaviour } from './behaviour.ts'
import { installLlm } from './install.ts'
import { tinyModel } from './tiny-model.ts'

export type LlmServer = {
  readonly url: string // http://127.0.0.1:port
  readonly pid: number
  /** Changes how it behaves from the next request on; what is left out is well. */
  readonly behave: (behaviour: Partial<Behaviour>) => Promise<void>
  /** Answers under way. */
  readonly generating: () => Promise<number>
  readonly stop: () => Promise<void>
}

/** One server; torn down with the test. The seed makes the model, and so what it says. */
export async function startLlm(
  t: { teardown(done: () => unknown): unknown },
  { name = 'tiny', seed = 1 }: { readonly name?: string; readonly seed?: number } = {}
): Promise<LlmServer> {
  const modules = await installLlm()
  const file = join(temporaryDirectory(t), `${name}.gguf`)
  writeFileSync(file, tinyModel(seed))
  const server = join(import.meta.dirname, 'server.ts')
  const args = ['--model', file, '--modules', modules, '--name', name]
  const child = await startChild([server, ...args], { withinMs: 60_000 })
  t.teardown(() => child.stop(1_000))
  return {
    url: String(child.ready['url']),
    pid: child.pid,
    async behave(behaviour) {
      const body = JSON.stringify(behaviour)
      const response = await fetch(`${child.ready['control']}/behaviour`, { method: 'PUT', body })
      if (!response.ok) throw new Error(await response.text())
    },
    async generating() {
      const response = await fetch(`${child.ready['control']}/generating`)
      return ((await response.json()) as { readonly generating: number }).generating
    },
    stop: () => child.stop(1_000)
  }
}
