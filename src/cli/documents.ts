/**
 * Reads what the verbs need from the admin API: a route with its ETag, all routes.
 *
 * An unknown name is a wrong word of the command line (exit code 2) and comes with the nearest right one; the
 * API is asked for the names only then.
 */
import { hint } from '../config/diagnostics.ts'
import { SluiceError } from '../errors.ts'
import type { RouteView } from '../ports.ts'
import { CONFIGURATION, type Expected, ROUTE, ROUTES } from './answers.ts'
import type { Answer, Api, Call } from './api.ts'
import { usage } from './args.ts'

export const API = '/admin/v1'

export type ReadRoute = { readonly view: RouteView; readonly etag: string }

/** The route and the ETag under which it was read. */
export async function readRoute(api: Api, route: string, verb: string): Promise<ReadRoute> {
  const { body: view, etag } = await callRoute(api, route, '', ROUTE, verb)
  return { view, etag: etag ?? `"${view.epoch}-${view.revision}"` }
}

export async function readRoutes(api: Api): Promise<readonly RouteView[]> {
  return (await api.call(`${API}/routes`, ROUTES)).body
}

/** What the configuration says of a route that its document does not. */
export type Configured = {
  readonly match: string
  readonly unverified: readonly string[] // variants whose upstreams' certificates are not verified
  readonly championVersion: string // its model version; '' where the configuration says none
  readonly shadows: ReadonlyMap<string, { readonly variant: string; readonly whileLive: boolean }>
  readonly overridden: readonly string[] // variants that an override leads to
  readonly perRequest: boolean // each request may be assigned by itself, without a unit
}

/** By route, from the running configuration. */
export async function readConfigured(api: Api): Promise<ReadonlyMap<string, Configured>> {
  const { body } = await api.call(`${API}/config`, CONFIGURATION)
  return new Map(
    named(member(member(body, 'config'), 'routes')).map(([name, route]) => [
      name,
      {
        championVersion: versionOf(route),
        match: matchText(member(route, 'match')),
        unverified: named(member(route, 'variants')).flatMap(([variant, settings]) =>
          member(member(settings, 'tls'), 'verify') === false ? [variant] : []
        ),
        shadows: new Map(
          named(member(route, 'shadows')).map(([shadow, settings]) => [
            shadow,
            {
              variant: String(member(settings, 'variant')),
              whileLive: member(settings, 'whileLive') === true
            }
          ])
        ),
        overridden: named(member(route, 'overrides')).flatMap(([, override]) => targets(override)),
        perRequest: items(member(route, 'hashOn')).some(
          source => member(source, 'request') !== undefined
        )
      }
    ])
  )
}

/** A call below a route; an unknown route becomes a usage error that knows the names. */
export async function callRoute<T>(
  api: Api,
  route: string,
  path: string,
  expected: Expected<T>,
  verb: string,
  call: Call = {}
): Promise<Answer<T>> {
  try {
    return await api.call(`${API}/routes/${encodeURIComponent(route)}${path}`, expected, call)
  } catch (error) {
    const { status } = error instanceof SluiceError ? error.details : {}
    if (status !== 404 && status !== 400) throw error
    const names = (await readRoutes(api)).map(view => view.route)
    if (names.includes(route)) throw error
    throw usage(`there is no route "${route}"${hint(route, names)}`, verb)
  }
}

/** The challengers of a route by name; a word that is none is a usage error. */
export function checkVariant(view: RouteView, variant: string, verb: string): void {
  const names = Object.keys(view.weights)
  if (names.includes(variant)) return
  const known = hint(variant, names)
  throw usage(`route ${view.route} has no variant "${variant}"${known}`, verb)
}

function versionOf(route: unknown): string {
  const champion = member(member(route, 'variants'), String(member(route, 'champion')))
  return String(member(member(champion, 'model'), 'version') ?? '')
}

function matchText(match: unknown): string {
  const conditions = ['headers', 'query'].flatMap(kind =>
    named(member(match, kind)).map(([name]) => `${kind}:${name}`)
  )
  const hosts = words(member(match, 'hosts')).join(',') || '*'
  return [hosts, words(member(match, 'paths')).join(',') || '/', ...conditions].join(' ')
}

/** Variants that an override gives requests to. */
function targets(override: unknown): readonly string[] {
  const variant = member(override, 'variant')
  if (typeof variant === 'string') return [variant]
  return named(member(override, 'split')).flatMap(([name, share]) => (share === 0 ? [] : [name]))
}

function words(value: unknown): readonly string[] {
  return items(value).map(String)
}

function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** Members with their names: of a map, or of a list whose items have a `name`. */
function named(value: unknown): readonly (readonly [string, unknown])[] {
  if (Array.isArray(value)) return value.map(item => [String(member(item, 'name')), item] as const)
  return typeof value === 'object' && value !== null ? Object.entries(value) : []
}

/** An own member of an object that came from elsewhere. */
export function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Object.getOwnPropertyDescriptor(value, name)?.value
}
