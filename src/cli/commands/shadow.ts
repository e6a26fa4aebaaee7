/**
 * `sluice shadow`: how shadows run, where their answers differ, and their switch.
 *
 * A switch is sent under the ETag that was read and never tried again: when somebody changed the route in
 * between, a person looks first.
 */
import { hint } from '../../config/diagnostics.ts'
import { fail, SluiceError } from '../../errors.ts'
import type { ShadowView } from '../../ports.ts'
import { SHADOW, SHADOWS } from '../answers.ts'
import { usage } from '../args.ts'
import type { Command, Context } from '../command.ts'
import { callRoute, type ReadRoute, readRoute, readRoutes } from '../documents.ts'
import { EXIT, type Exit } from '../exit.ts'
import { clean } from '../screen.ts'
import {
  diffLines,
  NO_ANSWER,
  openText,
  shadowLines,
  shadowNotes,
  standLines
} from '../shadow-results.ts'
import { newPicture, watch } from '../watch.ts'

const VERB = 'shadow'

type Part = {
  readonly words: readonly [number, number] // behind its name
  readonly usage: string
  readonly options: readonly string[]
  readonly run: (context: Context) => Promise<Exit>
}

const PARTS: Readonly<Record<'status' | 'diff' | 'on' | 'off', Part>> = {
  status: {
    words: [0, 2],
    usage: 'shadow status [ROUTE [SHADOW]] [-w]',
    options: ['watch'],
    run: context => (context.args.flag('watch') ? watch(context, show) : show(context))
  },
  diff: { words: [2, 2], usage: 'shadow diff ROUTE SHADOW', options: [], run: diff },
  on: {
    words: [2, 2],
    usage: 'shadow on ROUTE SHADOW [--reason TEXT]',
    options: ['reason'],
    run: context => turn(context, true)
  },
  off: {
    words: [2, 2],
    usage: 'shadow off ROUTE SHADOW [--reason TEXT]',
    options: ['reason'],
    run: context => turn(context, false)
  }
}

export const shadow: Command = {
  name: VERB,
  summary: 'shadow traffic: how it runs, where answers differ, on and off',
  usage: 'shadow status|diff|on|off [ROUTE [SHADOW]] [-w] [--reason TEXT]',
  examples: [
    'sluice shadow status',
    'sluice shadow status fraud -w',
    'sluice shadow diff fraud v4-try',
    'sluice shadow off fraud v4-try --reason "v4 is overloaded"'
  ],
  help: `A shadow gets copies of requests that the champion answers; its answers go to nobody.
status  STATE is on, off, or live: it pauses while its variant has traffic of its own. Each request that was
        CONSIDERED was DROPPED for one reason, is under way, or was COPIED; FAILED are copies without a good answer.
        AGREE is the share of compared pairs that agree, LATENCY how many times as long as the champion it takes,
        both with a 95 % interval. Pairs in which the shadow process itself was late are not in LATENCY; on a machine
        without time for it, there may be none. All are of the replica that is asked.
        A pair in which one side alone gave no good answer is compared and differs (fields status and outcome),
        so it counts against AGREE.
diff    what differs most, field by field.
        AGREE            share of the pairs with this field that agree in it, with a 95 % interval
        DIFFERS BY       how the other pairs differ, and how many so: status, outcome, missing or extra in the
                         shadow's answer, type, order, size, number (beyond tolerance), value, label, probability,
                         ranking, text, embedding
        MEAN             of numbers: shadow minus champion on average, with a 95 % interval
        NOISE            how often the champion differs from itself on requests that it got twice (noise pairs)
        SHADOW TO NOISE  how many of these differ for the shadow alone, and for the champion alone
        P                the exact McNemar test of these two numbers, one-sided
        "!" marks a field that differs more than the champion from itself: P times the number of tests is below
        .001 (Holm), and the surplus is above 0.03 % of the noise pairs and above 20 % of all differences in them.
        "?" marks one that differs, while there are too few noise pairs (none with noise: 0) to say so either way.
        Examples have values where the shadow captures bodies.
        Exit code 1 when a field is marked "!"; else 3 when one is marked "?" or nothing was compared yet; 0 says
        that nothing differs beyond noise.
on, off switch it on every replica; no user notices. Copies under way run to their end. A shadow that is off
        stays off through restarts and reloads until somebody switches it on.
--json is GET /admin/v1/routes/ROUTE/shadows, or /shadows/SHADOW; without ROUTE those of all routes in one list.`,
  options: {
    watch: { short: 'w', text: 'status: again each second, until Ctrl-C' },
    reason: { value: 'TEXT', text: 'on, off: why, for the audit log' }
  },
  words: [1, 3],
  async run(context) {
    const [name = '', ...words] = context.args.words
    const part = Object.hasOwn(PARTS, name) ? PARTS[name as keyof typeof PARTS] : undefined // just asked
    if (part === undefined) {
      throw usage(`there is no "${VERB} ${name}"${hint(name, Object.keys(PARTS))}`, VERB)
    }
    const [fewest, most] = part.words
    if (words.length < fewest || words.length > most) {
      const what = words.length < fewest ? 'something is missing' : 'there are too many words'
      throw usage(`${what}: sluice ${part.usage}`, VERB)
    }
    const other = Object.keys(shadow.options).find(
      option => context.args.flag(option) && !part.options.includes(option)
    )
    if (other !== undefined) throw usage(`--${other} says nothing to ${VERB} ${name}`, VERB)
    return part.run(context)
  }
}

async function show(context: Context): Promise<Exit> {
  const { args, api, json, screen } = context
  const [, route, name] = args.words
  if (route !== undefined && name !== undefined) {
    const view = await readShadow(context, route, name)
    if (json) screen.json(view)
    else {
      newPicture(context)
      for (const line of [...shadowLines([view], screen), ...shadowNotes(view)]) screen.line(line)
    }
    return EXIT.ok
  }
  const routes =
    route === undefined
      ? (await readRoutes(api)).filter(view => Object.keys(view.shadows).length > 0)
      : [{ route }]
  const lists = await Promise.all(routes.map(each => readShadows(context, each.route)))
  const views = lists.flat()
  if (json) screen.json(views)
  else {
    newPicture(context)
    for (const line of shadowLines(views, screen)) screen.line(line)
  }
  return EXIT.ok
}

async function diff(context: Context): Promise<Exit> {
  const { args, json, screen } = context
  const [, route = '', name = ''] = args.words
  const view = await readShadow(context, route, name)
  const { agreement } = view
  if (json) screen.json(view)
  else if (agreement !== null) {
    for (const line of diffLines(view, agreement, screen)) screen.line(line)
  }
  if (agreement === null) {
    screen.note(`sluice: ${NO_ANSWER}`)
    return EXIT.inconclusive
  }
  if (agreement.fields.some(({ reported }) => reported)) return EXIT.negative
  const open = agreement.overall.of > 0 ? openText(view, agreement) : NO_PAIRS
  if (open === null) return EXIT.ok
  screen.note(`sluice: ${open}`)
  return EXIT.inconclusive
}

const NO_PAIRS = 'no pair has been compared yet'

async function turn(context: Context, on: boolean): Promise<Exit> {
  const { api, args, json, screen } = context
  const [, route = '', name = ''] = args.words
  const read = await readRoute(api, route, VERB)
  checkShadow(read, name)
  const reason = args.value('reason')
  const { body: view } = await callRoute(api, route, pathOf(name), SHADOW, VERB, {
    method: 'PUT',
    ifMatch: read.etag,
    body: { on, ...(reason === undefined ? {} : { reason }) }
  }).catch((error: unknown) => {
    throw on ? error : withOtherWay(error)
  })
  if (json) {
    screen.json(view)
    return EXIT.ok
  }
  const word = on ? 'on' : 'off'
  const was = read.view.shadows[name]?.on === on ? `was ${word} already` : `is ${word}`
  screen.line(clean(`${view.shadow} of ${view.route} ${was}`))
  for (const line of standLines(view)) screen.line(line)
  return EXIT.ok
}

/** Codes of the API for a change that the state could not take. */
const NOT_KEPT = ['SLC_STORE_UNREACHABLE', 'SLC_STORE_UNKNOWN', 'SLC_STATE_UNKNOWN']
const OTHER_WAY =
  'To stop its copies meanwhile, take the shadow out of the file of each router and reload.'

/** Copies that do harm must end now, whether or not the switch can be kept. */
function withOtherWay(error: unknown): unknown {
  if (!(error instanceof SluiceError) || error.code !== 'SLC_CLI_REFUSED') return error
  const [sentence = '', code = ''] = error.args
  if (!NOT_KEPT.includes(String(code))) return error
  return fail(error.code, [`${sentence} ${OTHER_WAY}`, code], error.details)
}

async function readShadows({ api }: Context, route: string): Promise<readonly ShadowView[]> {
  return (await callRoute(api, route, '/shadows', SHADOWS, VERB)).body
}

/** A shadow; one that is unknown is a wrong word, and comes with the nearest right one. */
async function readShadow({ api }: Context, route: string, name: string): Promise<ShadowView> {
  checkShadow(await readRoute(api, route, VERB), name)
  return (await callRoute(api, route, pathOf(name), SHADOW, VERB)).body
}

function checkShadow({ view }: ReadRoute, name: string): void {
  if (Object.hasOwn(view.shadows, name)) return
  const names = Object.keys(view.shadows)
  const known = names.length === 0 ? '; it has none' : hint(name, names)
  throw usage(`route ${view.route} has no shadow "${name}"${known}`, VERB)
}

function pathOf(name: string): string {
  return `/shadows/${encodeURIComponent(name)}`
}
