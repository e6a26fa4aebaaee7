/** A running router for the verbs of the CLI: routes of one model server, half of the units on each version. */
import { inference, type ModelServer, startModelServer } from './model-server.ts'
import { type RunResult, runSluice, type Settings, type Sluice, startSluice } from './sluice.ts'
import { versionedRoute } from './two-versions.ts'

/** What a tap test offers for tearing down. */
type Teardown = { teardown(done: () => unknown): unknown }

export type VerbRouter = {
  readonly model: ModelServer
  readonly sluice: Sluice
  /** Runs a verb against the router, with its own state directory for the token. */
  readonly asked: (...words: string[]) => Promise<RunResult>
  /** Sends a request to a route; its body has been read. */
  readonly ask: (route: string, user: string) => Promise<Response>
}

/** Starts it with one route for each name. */
export async function startVerbRouter(t: Teardown, routes: readonly string[]): Promise<VerbRouter> {
  const model = await startModelServer(t, { version: '3' })
  const sluice = await startSluice(
    { routes: Object.fromEntries(routes.map(name => [name, verbRoute(name, model.url)])) },
    { t, within: 60_000 }
  )
  return {
    model,
    sluice,
    asked: (...words) =>
      runSluice(words, { cwd: sluice.directory, env: { SLUICE_ADMIN: sluice.adminUrl } }),
    async ask(route, user) {
      const headers = { 'content-type': 'application/json', 'x-user-id': user }
      const response = await fetch(`${sluice.dataUrl}/${route}/infer`, {
        method: 'POST',
        headers,
        body: inference()
      })
      await response.arrayBuffer()
      return response
    }
  }
}

/** A route with v3 (the champion) and v4, both at `url`; its v4 is a model version that no other route has. */
export function verbRoute(name: string, url: string): Settings {
  return versionedRoute(name, url, url, { weight: 50, version: `4-${name}` })
}

/** The weights of a route as the admin API tells them. */
export async function weightsOf(sluice: Sluice, route: string): Promise<unknown> {
  const view: unknown = await (await sluice.admin(`/admin/v1/routes/${route}`)).json()
  return typeof view === 'object' && view !== null && 'weights' in view ? view.weights : null
}
