/**
 * Configuration files for tests, written to a directory that goes with the test.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Config } from '../../src/config/config.ts'
import { formatProblem, loadConfig } from '../../src/config/load.ts'

type Teardown = { teardown(done: () => unknown): unknown }
export type Env = Readonly<Record<string, string | undefined>>

export const CONFIG_FIXTURES = new URL('../fixtures/config/', import.meta.url)

/** Writes `text` as sluice.yaml into a new directory; gives the path. */
export function writeConfig(t: Teardown, text: string | Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-config-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'sluice.yaml')
  writeFileSync(path, text)
  return path
}

/** Loads `text`, which must be valid. */
export async function configOf(t: Teardown, text: string, env: Env = {}): Promise<Config> {
  const loaded = await loadConfig(writeConfig(t, text), env)
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'))
  return loaded.config
}

/** Problems of `text` as printed, without the directory; empty when it is valid. */
export async function problemsOf(
  t: Teardown,
  text: string | Uint8Array,
  env: Env = {}
): Promise<readonly string[]> {
  const loaded = await loadConfig(writeConfig(t, text), env)
  return loaded.ok ? [] : loaded.problems.map(p => formatProblem({ ...p, file: 'sluice.yaml' }))
}

/** Warnings of `text` as printed, without the directory; throws when it is not valid. */
export async function configWarningsOf(
  t: Teardown,
  text: string,
  env: Env = {}
): Promise<readonly string[]> {
  const loaded = await loadConfig(writeConfig(t, text), env)
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'))
  return loaded.warnings.map(p => formatProblem({ ...p, file: 'sluice.yaml' }))
}

/** The smallest route; `more` goes below the route, `top` above `routes`. */
export function smallConfig(more = '', top = ''): string {
  const lines = more === '' ? '' : `${more.replace(/^/gm, '    ')}\n`
  return `${top}${top === '' ? '' : '\n'}routes:
  fraud:
    variants:
      v3: { upstreams: ["http://127.0.0.1:8001"] }
      v4: { upstreams: ["http://127.0.0.1:8002"] }
    champion: v3
${lines}`
}
