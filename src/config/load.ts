/**
 * Loads a configuration file: reads, checks, and resolves it, or says everything that is wrong with it.
 *
 * Exports: `loadConfig`, `Loaded`; `formatProblem` and `Problem` from diagnostics.ts.
 *
 * Nothing is half loaded: a single fault means no configuration. It never throws for what a file holds.
 */
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Config } from './config.ts'
import {
  type About,
  type Path,
  type Problem,
  printable,
  type Report,
  showPath
} from './diagnostics.ts'
import { autoThreads } from './platform.ts'
import { resolveConfig } from './resolve.ts'
import { readSecrets } from './secrets.ts'
import { checkMeaning } from './semantics.ts'
import { type Fitted, fit } from './shape.ts'
import { type Environment, parseSource, plainValue, type Source } from './source.ts'
import { warningsOf } from './warnings.ts'

export { formatProblem, type Problem } from './diagnostics.ts'

export type Loaded =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[] }

const MAX_BYTES = 32 * 1024 * 1024

/**
 * Reads the file at `path`. `env` fills `${NAME}` and the secrets given as `env:`. Relative paths in the file
 * start at the working directory of the process. Problems and warnings are in the order of the file.
 */
export async function loadConfig(path: string, env: Environment): Promise<Loaded> {
  const problems: Problem[] = []
  const warnings: Problem[] = []
  const whole = (message: string): Loaded => ({
    ok: false,
    problems: [{ file: path, line: 0, column: 0, path: '', message }]
  })
  const text = await readText(path)
  if (typeof text !== 'string') return whole(text.fault)

  const unread = new Set<string>() // a value that could not be read is told of once
  const source = parseSource(text, env, ({ line, column }, at, message) => {
    problems.push({ file: path, line, column, path: showPath(at), message: printable(message) })
    if (at.length > 0) unread.add(showPath(at))
  })
  if (source.value === undefined) return { ok: false, problems: ordered(problems) }
  const into =
    (list: Problem[]) =>
    (at: Path, message: string, about: About = 'value') => {
      const { line, column } = source.place(at, about === 'value' ? 'value' : 'key')
      const shown = showPath(about === 'entry' ? at.slice(0, -1) : at)
      list.push({ file: path, line, column, path: shown, message: printable(message) })
    }
  const all = into(problems)
  const report: Report = (at, message, about) => {
    if (!unread.has(showPath(at)) || about === 'key') all(at, message, about)
  }
  const warn = into(warnings)

  const { loose, file } = fitted(source, report)
  checkMeaning(loose, report)
  const secrets = await readSecrets(loose, env, report, warn)
  if (problems.length > 0 || file === null) {
    return { ok: false, problems: ordered(problems) }
  }
  const reusePort = process.platform === 'linux'
  const config = resolveConfig(file, {
    path: resolve(path),
    secrets,
    autoThreads: autoThreads(),
    reusePort
  })
  const given = (at: Path) => holds(source.value, at)
  warningsOf(config, { env, reusePort, asked: file.threads, given }, warn)
  return { ok: true, config, warnings: ordered(warnings) }
}

async function readText(path: string): Promise<string | { readonly fault: string }> {
  try {
    const { size } = await stat(path)
    if (size > MAX_BYTES) return { fault: 'is larger than 32 MiB, which no configuration is' }
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path))
  } catch (error) {
    return { fault: unreadable(error) }
  }
}

function unreadable(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : ''
  switch (code) {
    case 'ENOENT':
      return 'there is no such file; give the path of a configuration'
    case 'EISDIR':
      return 'is a directory; give the path of a file'
    case 'EACCES':
      return 'cannot be read (permission denied); run as a user who may, or chmod it'
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return 'is not UTF-8; save it as UTF-8'
    default:
      return `cannot be read (${code})`
  }
}

/**
 * Fits the value of a source. Text that the environment put into a plain scalar means what it would mean had it
 * been written there (`threads: ${THREADS}` is a number), but stays text where the schema takes text.
 */
function fitted(source: Source, report: Report): Fitted {
  const faults: Parameters<Report>[] = []
  const first = fit(source.value, (...fault) => faults.push(fault))
  const wrong = new Set(
    faults.map(([at]) => JSON.stringify(at)).filter(at => source.expanded.has(at))
  )
  if (wrong.size > 0) {
    return fit(
      retype(source.value, [], at => wrong.has(JSON.stringify(at))),
      report
    )
  }
  for (const fault of faults) report(...fault)
  return first
}

function retype(value: unknown, path: Path, chosen: (path: Path) => boolean): unknown {
  if (typeof value === 'string') return chosen(path) ? plainValue(value) : value
  if (Array.isArray(value)) return value.map((item, i) => retype(item, [...path, i], chosen))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, retype(item, [...path, key], chosen)])
  )
}

/** Whether something stands at a path, which an empty key is not. */
function holds(value: unknown, [key, ...rest]: Path): boolean {
  if (key === undefined) return value !== undefined && value !== null
  if (typeof value !== 'object' || value === null) return false
  return holds(new Map(Object.entries(value)).get(String(key)), rest)
}

function ordered(problems: readonly Problem[]): readonly Problem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column)
}
