/** `sluice status`: how every route does now, set and observed shares, and the evidence against challengers. */
import type { RouteView } from '../../ports.ts'
import type { Command, Context } from '../command.ts'
import { type Configured, readConfigured, readRoute, readRoutes } from '../documents.ts'
import { EXIT, type Exit } from '../exit.ts'
import { readSamples } from '../metrics-text.ts'
import { ASSIGNED, MISSING, type MissingUnits, missingUnits } from '../missing-units.ts'
import { statusLines } from '../route-status.ts'
import { percent } from '../screen.ts'
import { HEALTHY, outOfHealth } from '../upstream-health.ts'
import { newPicture, watch } from '../watch.ts'

export const status: Command = {
  name: 'status',
  summary: 'weights set and observed, evidence against challengers, rollbacks in force',
  usage: 'status [ROUTE] [-w]',
  examples: ['sluice status', 'sluice status fraud', 'sluice status -w', 'sluice status -w --json'],
  help: `SET is the share that was set, OBSERVED that of the requests of the last 60 s.
EVIDENCE is how much speaks against a challenger, and the threshold at which it is taken out of traffic, of the
trigger that is nearest to it; "(1 of 40)" are the prediction calls that failed in its sense, of those counted.
With ROUTE every trigger is shown:
  FAILED  of the challenger's counted prediction calls; gross: of its last 12; absence: calls that wait
  RATIO   how many times as often as the champion it fails, at least, as far as is known; empty where not compared
  PHI     how much failures come together (retries, the same users); evidence is divided by it
  EVIDENCE and THRESHOLD are logarithms; of absence seconds without an answer, of gross failures
Of a challenger that a trigger rolled back the figures are those of that moment, with the champion's below them.
A line in red says when a variant with weight has no healthy address, when none of the last requests to a variant
(at least 5, the last a minute ago at most) got a good answer, when a challenger is in quarantine (out on
the replica that was asked, not decided for the fleet), when the store has not confirmed the route for long, or
when a tenth or more of the requests of a route with challengers had no unit since the replica started (at least
20 requests): hashOn finds nothing in them, so the champion answers them and no comparison counts them.
A shadow is on, off, or live: paused while its variant has traffic of its own.
"on 3 of 4 replicas": so many work with this revision, of those that were there in the last seconds.
-w shows it again each second until Ctrl-C and goes on when the router restarts. With --json each is one line.
Exit code 1 when ROUTE (or, without ROUTE, any) is rolled back and not cleared yet, so a pipeline can stop on it.
--json is GET /admin/v1/routes (or /routes/ROUTE).`,
  options: { watch: { short: 'w', text: 'again each second, until Ctrl-C' } },
  words: [0, 1],
  run: context => (context.args.flag('watch') ? watch(context, show) : show(context))
}

async function show(context: Context): Promise<Exit> {
  const { args, json, screen, api } = context
  const route = args.words[0]
  const views =
    route === undefined ? await readRoutes(api) : [(await readRoute(api, route, 'status')).view]
  if (json) screen.json(route === undefined ? views : views[0])
  else {
    const [configuration, samples] = await Promise.all([
      readConfigured(api),
      readSamples(api, [HEALTHY, MISSING, ASSIGNED])
    ])
    const health = outOfHealth(samples)
    const missing = missingUnits(samples)
    newPicture(context)
    for (const view of views) {
      const configured = configuration.get(view.route)
      const warnings = [
        ...unhealthy(view, health.get(view.route)),
        ...Object.entries(view.failing).map(([name, text]) => `${name} ANSWERS NOBODY: ${text}`),
        ...(configured?.unverified ?? []).map(
          name => `${name}: TLS VERIFICATION OF ITS UPSTREAMS IS OFF`
        ),
        ...withoutUnit(view, configured, missing.get(view.route))
      ]
      const beside = { warnings, configured }
      for (const line of statusLines(view, screen, route !== undefined, beside)) screen.line(line)
    }
  }
  return views.some(view => view.phase === 'rolled-back') ? EXIT.negative : EXIT.ok
}

/** Variants that should get traffic and cannot. */
function unhealthy(view: RouteView, out: ReadonlyMap<string, number> = new Map()): string[] {
  return [...out].flatMap(([variant, of]) => {
    const share = view.weights[variant] ?? 0
    return share > 0
      ? [`${variant}: set to ${percent(share)} and NO HEALTHY ADDRESS (0 of ${of})`]
      : []
  })
}

/** Requests that hashOn finds nothing in, where challengers wait for them. */
function withoutUnit(
  view: RouteView,
  configured: Configured | undefined,
  missing: MissingUnits | undefined
): string[] {
  const alone = Object.keys(view.weights).length < 2
  if (missing === undefined || alone || configured?.perRequest === true) return []
  const { of, without } = missing
  const share = percent((without / of) * 100)
  return [`${without} of ${of} requests (${share}) HAD NO UNIT and got the champion: see hashOn`]
}
