/**
 * Rules of `hashOn` and `predictions`: which parts of a request can be a unit, and which of its body the
 * protocol of the route has.
 *
 * Exports: `checkUnits`, `checkPredictions`. A JSON Pointer is taken under every protocol, `opaque` too: who
 * writes it says himself that bodies are JSON, and one that is not has no unit.
 */
import type { Protocol } from '../domain/route.ts'
import type { Path, Report } from './diagnostics.ts'
import { faultOfPointer } from './pointer.ts'
import { RESERVED } from './reserved-fields.ts'
import type { ConfigFile } from './schema.ts'
import type { Loose } from './shape.ts'

type RouteFile = Loose<ConfigFile['routes'][string]>
type SourceFile = Exclude<Loose<ConfigFile['routes'][string]['hashOn'][number]>, string>

/** Protocols whose request bodies have the source at all. */
const BODIES: readonly (readonly ['tensor' | 'dataframe' | 'field', readonly Protocol[]])[] = [
  ['tensor', ['open-inference']],
  ['dataframe', ['mlflow']],
  ['field', ['openai', 'anthropic']]
]
const ANTHROPIC_FIELD = 'metadata.user_id'

export function checkUnits(route: RouteFile, path: Path, report: Report): void {
  for (const [i, source] of (route.hashOn ?? []).entries()) {
    if (typeof source !== 'object') continue
    const at = [...path, 'hashOn', i]
    checkHeader(source, at, report)
    if (route.protocol !== undefined) checkBody(source, route.protocol, at, report)
    const fault = source.json === undefined ? null : faultOfPointer(source.json)
    if (fault) report([...at, 'json'], `"${source.json}" ${fault}`)
  }
}

export function checkPredictions(route: RouteFile, path: Path, report: Report): void {
  for (const [i, text] of (route.predictions ?? []).entries()) {
    const fault = text === undefined ? null : faultOfPointer(text)
    if (fault) report([...path, 'predictions', i], `"${text}" ${fault}`)
  }
}

function checkHeader(source: SourceFile, path: Path, report: Report): void {
  const name = source.header?.toLowerCase()
  if (name === undefined || (!RESERVED.includes(name) && !name.startsWith('x-sluice-'))) return
  report(
    [...path, 'header'],
    `the field ${name} cannot be a unit; take one that a client sets for its user`
  )
}

function checkBody(source: SourceFile, protocol: Protocol, path: Path, report: Report): void {
  for (const [key, protocols] of BODIES) {
    if (source[key] === undefined || protocols.includes(protocol)) continue
    report(
      [...path, key],
      `bodies of protocol ${protocol} have no ${key}; that is for ${protocols.join(' and ')}, take json: /path here`
    )
    return
  }
  if (protocol === 'anthropic' && source.field !== undefined && source.field !== ANTHROPIC_FIELD) {
    report(
      [...path, 'field'],
      `a request of protocol anthropic has no field ${source.field}; take ${ANTHROPIC_FIELD}`
    )
  }
}
