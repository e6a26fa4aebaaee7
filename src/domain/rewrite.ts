/**
 * A variant's own path, fields and host: what its requests get instead of the client's.
 */
import type { Rewrite } from './snapshot.ts'

/** Path and query for the upstream: the bytes as received, but for the rewrite of a prefix. */
export function rewrittenTarget(target: string, rewrite: Rewrite | null): string {
  const path = rewrite?.path ?? null
  if (path === null || !target.startsWith(path.from)) return target
  return path.to + target.slice(path.from.length)
}

/**
 * A variant's own fields replace the client's of the same name in `fields` (name, value, name, value). Framing
 * and Host are not theirs to set.
 */
export function rewriteFields(fields: string[], rewrite: Rewrite): void {
  const { set, remove } = rewrite.headers
  const names = new Set(remove.map(name => name.toLowerCase()))
  for (const name of Object.keys(set)) names.add(name.toLowerCase())
  for (const name of KEPT) names.delete(name)
  dropFields(fields, names)
  for (const [name, value] of Object.entries(set)) {
    if (!KEPT.includes(name.toLowerCase())) fields.push(name, value)
  }
}

/** Takes every field of these names, in lower case, out of `fields`. */
export function dropFields(fields: string[], names: ReadonlySet<string>): void {
  let kept = 0
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] as string // in bounds: the list is of pairs
    if (names.has(name.toLowerCase())) continue
    fields[kept++] = name
    fields[kept++] = fields[i + 1] as string
  }
  fields.length = kept
}

const KEPT: readonly string[] = [
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'keep-alive',
  'expect',
  'via'
]
