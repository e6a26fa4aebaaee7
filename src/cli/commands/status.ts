/** `sluice status`: how every route does now, set and observed shares, and the evidence against challengers. */
import { setTimeout } from 'node:timers/promises'
import type { RouteView } from '../../ports.ts'
import type { Command, Context } from '../command.ts'
import { API, callRoute, readConfigured } from '../documents.ts'
import { EXIT, type Exit } from '../exit.ts'
import { statusLines } from '../route-status.ts'
import { clean } from '../screen.ts'

const EVERY_MS = 1000

export const status: Command = {
  name: 'status',
  summary: 'weights set and observed, evidence against challengers, rollbacks in force',
  usage: 'status [ROUTE] [-w]',
  examples: ['sluice status', 'sluice status fraud', 'sluice status -w', 'sluice status -w --json'],
  help: `EVIDENCE is how much speaks against a challenger, and the threshold at which it is taken out of traffic.
With ROUTE every trigger is shown, without it the one that is nearest to its threshold.
-w shows it again each second until Ctrl-C and goes on when the router restarts. With --json each is one line.
Exit code 1 when a route that was asked for is rolled back, so a pipeline can wait on it.
--json is GET /admin/v1/routes (or /routes/ROUTE).`,
  options: { watch: { short: 'w', text: 'again each second, until Ctrl-C' } },
  words: [0, 1],
  run: context => (context.args.flag('watch') ? watch(context) : show(context))
}

async function show(context: Context): Promise<Exit> {
  const { args, json, screen, api } = context
  const route = args.words[0]
  const { body } =
    route === undefined
      ? await api.call(`${API}/routes`)
      : await callRoute(api, route, '', 'status')
  // The API's own document, as in documents.ts.
  const views = (route === undefined ? body : [body]) as RouteView[]
  if (args.flag('watch')) screen.clear()
  if (json) screen.json(body)
  else {
    const configured = await readConfigured(api)
    for (const view of views) {
      for (const line of statusLines(view, screen, route !== undefined)) screen.line(line)
      for (const name of configured.get(view.route)?.unverified ?? []) {
        screen.line(
          screen.paint('red', clean(`  ${name}: TLS VERIFICATION OF ITS UPSTREAMS IS OFF`))
        )
      }
    }
  }
  return views.some(view => view.phase === 'rolled-back') ? EXIT.negative : EXIT.ok
}

/**
 * Ends by Ctrl-C with what the last look said, or with 0 when nobody reads it any more; only the first look may
 * fail.
 */
async function watch(context: Context): Promise<Exit> {
  const stop = new Promise<'stop'>(resolve => process.once('SIGINT', () => resolve('stop')))
  const closed = context.screen.closed.then(() => 'closed' as const)
  let last = await show(context)
  for (;;) {
    const end = await Promise.race([stop, closed, setTimeout(EVERY_MS)])
    if (end === 'stop') return last
    if (end === 'closed') return EXIT.ok
    try {
      last = await show(context)
    } catch (error) {
      context.screen.note(error instanceof Error ? error.message : String(error))
    }
  }
}
