/** `sluice routes`: which requests go where; the route's match, its unit, its variants with their buckets. */
import type { RouteView } from '../../ports.ts'
import type { Command } from '../command.ts'
import { readConfigured, readRoutes } from '../documents.ts'
import { EXIT } from '../exit.ts'
import { percent, table } from '../screen.ts'

export const routes: Command = {
  name: 'routes',
  summary: 'every route: what it matches, its variants and their buckets',
  usage: 'routes',
  examples: ['sluice routes', 'sluice routes --json'],
  help: `A bucket is one of 10,000 places of the hash; a unit stays in its bucket, a variant owns ranges of them.
--json is GET /admin/v1/routes.`,
  options: {},
  words: [0, 0],
  async run({ json, screen, api }) {
    if (json) {
      screen.json(await readRoutes(api))
      return EXIT.ok
    }
    const [views, configured] = await Promise.all([readRoutes(api), readConfigured(api)])
    const rows = views.flatMap(view => rowsOf(view, configured.get(view.route)?.match ?? ''))
    const head = ['ROUTE', 'MATCH', 'VARIANT', 'ROLE', 'WEIGHT', 'BUCKETS']
    for (const line of table(head, rows, [4])) screen.line(line)
    return EXIT.ok
  }
}

function rowsOf(view: RouteView, match: string): string[][] {
  const names = Object.keys(view.weights).sort((a, b) => rank(view, a) - rank(view, b))
  return names.map((variant, index) => [
    index === 0 ? view.route : '',
    index === 0 ? match : '',
    variant,
    variant === view.champion ? 'champion' : 'challenger',
    percent(view.weights[variant] ?? 0),
    (view.ranges[variant] ?? []).map(([start, end]) => `${start}-${end - 1}`).join(' ')
  ])
}

function rank(view: RouteView, variant: string): number {
  return variant === view.champion ? 0 : 1
}
