/**
 * `sluice weights`: reads the route, works out the whole map, sends it under the ETag that was read.
 *
 * What is not named gets 0 and the champion gets the rest, as the API's map is the whole map. When somebody
 * changed the route in between, the API refuses and nothing is tried again: a person decides anew.
 */
import type { RouteView } from '../../ports.ts'
import { ROUTE, WEIGHT_PLAN } from '../answers.ts'
import { usage } from '../args.ts'
import type { Command, Context } from '../command.ts'
import { callRoute, checkVariant, type ReadRoute, readRoute } from '../documents.ts'
import { EXIT, type Exit } from '../exit.ts'
import { statusLines } from '../route-status.ts'
import { clean, percent } from '../screen.ts'

export const weights: Command = {
  name: 'weights',
  summary: 'show or set the shares of a route',
  usage: 'weights ROUTE [VARIANT=PERCENT …] [--dry-run] [--reason TEXT]',
  examples: [
    'sluice weights fraud',
    'sluice weights fraud v4=20',
    'sluice weights fraud v4=20 --dry-run',
    'sluice weights fraud v4=12.5 v5=5 --reason "week two"'
  ],
  help: `The champion gets the rest; a challenger that is not named gets 0. Percent, at most two decimals.
Growing moves users from the champion to the challenger and nobody else: who is in stays in.
A challenger that was rolled back or paused cannot be raised (exit code 1): see sluice clear and sluice resume.
Triggers of a challenger whose ranges change begin to count anew.`,
  options: {
    'dry-run': { text: 'show who would move, change nothing' },
    reason: { value: 'TEXT', text: 'why, for the audit log' }
  },
  words: [1, 32],
  async run(context) {
    const [route = '', ...pairs] = context.args.words
    const asked = pairs.map(pairOf)
    const read = await readRoute(context.api, route, 'weights')
    if (asked.length === 0) return showWeights(context, read.view)
    const map = wholeMap(read.view, asked)
    return context.args.flag('dry-run') ? plan(context, read, map) : put(context, read, map)
  }
}

type Pair = readonly [variant: string, percent: number]
type Weights = Readonly<Record<string, number>>

function pairOf(word: string): Pair {
  const [, variant, text] = /^([^=]+)=(.*)$/.exec(word) ?? []
  if (variant === undefined || text === undefined) {
    throw usage(`"${word}" is not VARIANT=PERCENT, as v4=20`, 'weights')
  }
  if (!/^(\d{1,2}(\.\d{1,2})?|100(\.0{1,2})?)%?$/.test(text)) {
    throw usage(
      `"${text}" is not a share from 0 to 100 percent with at most two decimals`,
      'weights'
    )
  }
  return [variant, Number.parseFloat(text)]
}

/** All variants of the route: those asked for, the champion with the rest. In basis points, so sums are exact. */
function wholeMap(view: RouteView, asked: readonly Pair[]): Weights {
  const map = new Map<string, number>(Object.keys(view.weights).map(name => [name, 0]))
  const seen = new Set<string>()
  for (const [variant, share] of asked) {
    checkVariant(view, variant, 'weights')
    if (seen.has(variant)) throw usage(`${variant} was given twice`, 'weights')
    seen.add(variant)
    map.set(variant, Math.round(share * 100))
  }
  const sum = [...map.values()].reduce((a, b) => a + b, 0)
  const rest = 10_000 - sum
  if (seen.has(view.champion) ? rest !== 0 : rest < 0) {
    throw usage(`these weights sum to ${percent(sum / 100)}, and a route has 100 %`, 'weights')
  }
  map.set(view.champion, (map.get(view.champion) ?? 0) + rest)
  return Object.fromEntries([...map].map(([name, points]) => [name, points / 100]))
}

function showWeights({ json, screen }: Context, view: RouteView): Exit {
  if (json) screen.json(view)
  else for (const line of statusLines(view, screen, false)) screen.line(line)
  return EXIT.ok
}

async function plan(context: Context, read: ReadRoute, map: Weights): Promise<Exit> {
  const { api, json, screen } = context
  const { body } = await callRoute(api, read.view.route, '?dryRun=true', WEIGHT_PLAN, 'weights', {
    method: 'PUT',
    ifMatch: read.etag,
    body: { weights: map }
  })
  warnOf(context, read.view.champion, map)
  if (json) {
    screen.json(body)
    return EXIT.ok
  }
  const { moves } = body
  for (const line of changes(read.view.weights, map)) screen.line(line)
  for (const { from, to, percent: share } of moves) {
    screen.line(clean(`${percent(share)} of the units move from ${from} to ${to}`))
  }
  screen.line(
    moves.length === 0 ? 'nobody moves' : 'everybody else stays; nothing has been changed'
  )
  return EXIT.ok
}

async function put(context: Context, read: ReadRoute, map: Weights): Promise<Exit> {
  const { api, args, json, screen } = context
  const reason = args.value('reason')
  const { body: view } = await callRoute(api, read.view.route, '', ROUTE, 'weights', {
    method: 'PUT',
    ifMatch: read.etag,
    body: { weights: map, ...(reason === undefined ? {} : { reason }) }
  })
  warnOf(context, read.view.champion, map)
  if (json) {
    screen.json(view)
    return EXIT.ok
  }
  for (const line of changes(read.view.weights, view.weights)) screen.line(line)
  for (const line of statusLines(view, screen, false)) screen.line(line)
  return EXIT.ok
}

/** Legal and dangerous: the comparison needs the champion's answers. */
function warnOf({ screen }: Context, champion: string, map: Weights): void {
  if ((map[champion] ?? 0) > 0) return
  const why = 'nothing is compared with it any more, and a rollback sends every user to it'
  screen.note(`sluice: warning: the champion ${champion} gets no traffic: ${why}`)
}

function changes(before: Weights, after: Weights): string[] {
  return Object.keys(after)
    .filter(name => (before[name] ?? 0) !== (after[name] ?? 0))
    .map(name => clean(`${name}: ${percent(before[name] ?? 0)} -> ${percent(after[name] ?? 0)}`))
}
