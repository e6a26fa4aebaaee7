/**
 * Can users feel a shadow?
 *
 * One router, one load over the same connections from beginning to end, and windows without and with a shadow next
 * to each other, in every condition that a shadow or Kafka can be in; a control has no shadow in either window. The
 * rate is chosen so that the whole machine is at most 60 % busy with a healthy shadow on: beyond that every process
 * on it is in everybody's p99. `--busy PERCENT` chooses another share than 20, `--rounds N` how many pairs of
 * windows. What would be other machines, the challenger and the broker, has what is left of it. A pair of windows in
 * which the host took time away from this machine is measured again, up to once for each in all. Then the accounts:
 * every request is a pair that was recorded once, or a drop with its reason. Memory is pushed to its bounds apart,
 * in routers of its own. Exit code 1 where a request failed, an account does not agree, or memory went beyond its
 * budget; the ratios are judged by compare.ts.
 */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { residentBytes } from '../../test/helpers/process-tree.ts'
import { machineTimes, shareOf } from '../busy.ts'
import { figure, interleave, machine, modeOf, publish, ratioOfMedians, show } from '../harness.ts'
import { startNode } from '../process.ts'
import { type Bed, PATH, SHADOWS, type Shadow, startBed, sum } from '../shadow-bed.ts'
import { BUDGET, measureMemory } from '../shadow-memory.ts'

type Condition = {
  readonly name: string
  readonly shadow: Shadow | null
  readonly begin?: () => void // the fault of Kafka
  readonly end?: () => Promise<void> | void
}
type Window = {
  readonly requests: number
  readonly failed: number
  readonly p50: number
  readonly p99: number
  readonly busy: number // of the machine
  readonly stolen: number // from the machine
  readonly resident: number // peak, bytes
}
type Both = { readonly off: Window; readonly on: Window }
type Totals = {
  readonly sent: number
  readonly answered: number
  readonly failures: number
  readonly connects: number
}

const CONNECTIONS = 32
const SETTLE_MS = 1_000 // after a switch, before a window
const BUSY_MOST = 0.6
const STOLEN_MOST = 0.01
const LIMIT = 1.1
const mode = modeOf()
/**
 * It begins with `rate` requests a second for `warm` seconds: after 15,000 little is compiled any more. In a smoke run,
 * which shows that all of it works on a slow machine too, the rate is not fitted (`tries`) and no pair of windows is
 * measured again (`again`, a pair on average).
 */
const plan = {
  smoke: { rounds: 1, seconds: 1, rate: 100, warm: 1, tries: 0, again: 0, memory: 3 },
  main: { rounds: 10, seconds: 8, rate: 500, warm: 30, tries: 4, again: 1, memory: 20 },
  long: { rounds: 30, seconds: 8, rate: 500, warm: 40, tries: 4, again: 1, memory: 30 }
}[mode]
const rounds = option('--rounds', plan.rounds)
const busyAim = option('--busy', 20) / 100 // a third of what is allowed

const violations: string[] = []
const disturbed = { again: 0, kept: 0 } // pairs of windows from which the host took time
const bed = await startBed()
const load = await startNode(join(import.meta.dirname, '../steady-load.ts'), [
  ...['--url', bed.sluice.dataUrl, '--path', PATH, '--connections', String(CONNECTIONS)]
])
const idleBusy = await busyFor(2_000)
const rate = await chosenRate()
const conditions = conditionsOf(bed)
await bed.turn(null)
await bed.quiet()
const cold = await bed.view('healthy')
await window() // what the calibration has left is cleared away
const atRest = (await window()).resident
const samples = await interleave(conditions, rounds, measure)
await bed.turn(null)
const totals = (await load.ask('stop')) as Totals // our own program's
await bed.quiet()
const accounts = await accountsOf(bed)
await load.stop()
await bed.stop()
const growths = bed.kafka === null ? [] : await measureMemory(plan.memory)

check()
report()
process.exitCode = violations.length === 0 ? 0 : 1

function conditionsOf({ kafka, proxy }: Bed): readonly Condition[] {
  const ofKafka: readonly Condition[] =
    kafka === null || proxy === null
      ? []
      : [
          {
            name: 'on, Kafka black-holed',
            shadow: 'healthy',
            begin: proxy.blackHole,
            end: proxy.pass
          },
          { name: 'on, Kafka frozen', shadow: 'healthy', begin: kafka.pause, end: kafka.resume }
        ]
  return [
    { name: 'control: off', shadow: null },
    { name: 'on, healthy', shadow: 'healthy' },
    { name: 'on, refusing', shadow: 'refusing' },
    { name: 'on, 3 s slow', shadow: 'slow' },
    { name: 'on, hanging', shadow: 'hanging' },
    ...ofKafka
  ]
}

/** A window without and one with, again where the host took time from either. */
async function measure(condition: Condition, round: number): Promise<Both> {
  for (;;) {
    const both = await measureOnce(condition, round)
    if (Math.max(both.off.stolen, both.on.stolen) <= STOLEN_MOST) return both
    if (disturbed.again === plan.again * conditions.length * rounds) {
      disturbed.kept++
      return both
    }
    disturbed.again++
  }
}

/** In an order that turns with the round. */
async function measureOnce(condition: Condition, round: number): Promise<Both> {
  const off = () => bed.turn(null).then(window)
  const on = async () => {
    condition.begin?.()
    await bed.turn(condition.shadow)
    const seen = await window()
    await condition.end?.()
    if (condition.begin === undefined) return seen
    await bed.turn(null)
    await bed.quiet() // what Kafka gets late is in nobody's window
    return seen
  }
  if (round % 2 === 1) {
    const second = await on()
    return { off: await off(), on: second }
  }
  return { off: await off(), on: await on() }
}

async function window(): Promise<Window> {
  await delay(SETTLE_MS)
  let resident = 0
  const timer = setInterval(() => {
    resident = Math.max(resident, residentBytes(bed.sluice.pid))
  }, 100)
  const before = machineTimes()
  await load.ask('begin')
  await delay(plan.seconds * 1000)
  const after = machineTimes()
  const figures = (await load.ask('end')) as Window // our own program's
  clearInterval(timer)
  const busy = shareOf('busy', before, after)
  return { ...figures, busy, stolen: shareOf('stolen', before, after), resident }
}

async function busyFor(ms: number): Promise<number> {
  const before = machineTimes()
  await delay(ms)
  return shareOf('busy', before, machineTimes())
}

/** The number behind a word of the command line. */
function option(word: string, otherwise: number): number {
  const at = process.argv.indexOf(word)
  return at < 0 ? otherwise : Number(process.argv[at + 1])
}

/**
 * Requests a second at which a healthy shadow leaves the machine at the aim, after code is compiled. Other work on
 * the machine lowers it, to what makes a third of that at most.
 */
async function chosenRate(): Promise<number> {
  const aim = Math.max(busyAim / 3, busyAim - idleBusy)
  let chosen = plan.rate
  await load.ask(`rate ${chosen}`)
  await bed.turn('healthy')
  await delay(plan.warm * 1000)
  for (let i = 0; i < plan.tries; i++) {
    const own = (await busyFor(3_000)) - idleBusy
    const fitting = (chosen * aim) / Math.max(0.01, own)
    chosen = Math.round(Math.min(2_000, 2 * chosen, Math.max(20, fitting)))
    await load.ask(`rate ${chosen}`)
    await delay(1_000)
  }
  return chosen
}

async function accountsOf({ view, events, readBack }: Bed) {
  const shadows = await Promise.all(SHADOWS.map(async name => ({ name, ...(await view(name)) })))
  const copied = shadows.reduce((all, { outcomes }) => all + sum(outcomes), 0)
  const { written, lost } = await events()
  return { shadows, copied, written, lost, back: await readBack(written) }
}

function check(): void {
  const { shadows, copied, written, lost, back } = accounts
  const must = (holds: boolean, says: string) => {
    if (!holds) violations.push(says)
  }
  must(totals.failures === 0, `${totals.failures} of ${totals.sent} requests failed`)
  must(totals.connects === CONNECTIONS, `${totals.connects} connections and not ${CONNECTIONS}`)
  for (const { name, considered, dropped, outcomes } of shadows) {
    must(considered === totals.sent, `${name}: ${considered} considered of ${totals.sent} requests`)
    const ended = sum(dropped) + sum(outcomes)
    must(ended === considered, `${name}: ${ended} of ${considered} ended`)
  }
  must(copied === written + sum(lost), `${copied} copies, ${written} written, ${sum(lost)} lost`)
  must(back.pairs === written, `${written} written, ${back.pairs} read back`)
  must(back.records - back.repeats === back.pairs, 'a pair is there under two ids')
  // On a machine that has no time for it, a shadow is the first to give way, with a reason.
  must(
    isTooBusy() || recordedShare() >= 0.999,
    `${(100 * recordedShare()).toFixed(2)} % recorded when healthy`
  )
  for (const { what, bytes, full, failed } of growths) {
    must(failed === 0, `${what}: ${failed} requests failed`)
    if (mode === 'smoke') continue // too short to reach a bound
    must(bytes <= BUDGET, `${what}: ${mb(bytes)} MB are more than ${mb(BUDGET)}`)
    must(full > 0, `${what}: the bound was not reached`)
  }
}

/** By other work, here or on its host, so that the rate could not bring it down. */
function isTooBusy(): boolean {
  const both = conditions.flatMap(({ name }) => samples.get(name) ?? [])
  return figure(both.map(({ on }) => on.busy + on.stolen)).median > BUSY_MOST
}

/** Pairs of the healthy shadow among the requests that came while it was on, after the calibration. */
function recordedShare(): number {
  const { considered = 0, dropped = {}, outcomes = {} } = shadowOf('healthy') ?? {}
  const asked = considered - cold.considered - ((dropped['off'] ?? 0) - (cold.dropped['off'] ?? 0))
  return (sum(outcomes) - sum(cold.outcomes) - sum(accounts.lost)) / asked
}

function shadowOf(name: Shadow) {
  return accounts.shadows.find(each => each.name === name)
}

function report(): void {
  const all = conditions.map(({ name }) => ({ name, both: samples.get(name) ?? [] }))
  const of = (both: readonly Both[], side: keyof Both, key: keyof Window) =>
    both.map(each => each[side][key])
  const ratioOf = (name: string, both: readonly Both[], key: keyof Window) =>
    ratioOfMedians(
      `${key}, ${name} / off`,
      of(both, 'on', key),
      of(both, 'off', key),
      name.startsWith('control') ? null : LIMIT
    )
  const seen = ['p50', 'p99'] as const
  const busy = all.flatMap(({ both }) => of(both, 'on', 'busy'))
  publish({
    bench: 'macro/shadow',
    question: 'Can users feel a shadow?',
    mode,
    machine: machine({
      load: `${rate} requests/s over ${CONNECTIONS} connections that stay, POST of 200 B, shadow of 100 %`,
      busy: `${percent(idleBusy)} before the load, ${percent(figure(busy).median)} with a shadow on (most ${percent(Math.max(...busy))})`
    }),
    tables: [
      {
        title: `Latency of users in ms, ${rounds} rounds of a window of ${plan.seconds} s without and one with: median (quartiles); a ratio is of the medians (quartiles of the ratios of the rounds)`,
        columns: ['shadow', 'p50 off', 'p50 on', 'ratio', 'p99 off', 'p99 on', 'ratio', 'busy on'],
        rows: all.map(({ name, both }) => [
          name,
          ...seen.flatMap(key => {
            const [on, off] = [of(both, 'on', key), of(both, 'off', key)]
            return [show(figure(off), 2), show(figure(on), 2), show(ratioOf(name, both, key), 2)]
          }),
          percent(figure(of(both, 'on', 'busy')).median)
        ])
      },
      {
        title: 'What became of the requests, each considered by each shadow',
        columns: ['shadow', 'requests', 'recorded', 'dropped', 'outcomes'],
        rows: accounts.shadows.map(({ name, considered, dropped, outcomes }) => [
          name,
          String(considered),
          String(sum(outcomes)),
          words(dropped),
          words(outcomes)
        ])
      },
      {
        title: 'Resident memory beyond the same without a shadow, in MB',
        columns: ['what', 'most', 'budget', 'with'],
        rows: [
          ...all.map(({ name, both }) => [
            name,
            mb(Math.max(...of(both, 'on', 'resident')) - atRest),
            mb(BUDGET),
            'growth since the first window'
          ]),
          ...growths.map(({ what, bytes, well, full }) => [
            what,
            mb(bytes),
            mb(BUDGET),
            `${full} drops at the bound; ${mb(well)} when all is well`
          ])
        ]
      }
    ],
    ratios: all.flatMap(({ name, both }) => seen.map(key => ratioOf(name, both, key))),
    notes: notes(Math.max(...busy))
  })
}

function notes(most: number): readonly string[] {
  const { written, lost, back } = accounts
  return [
    `${totals.sent} requests, ${totals.failures} failed. ${written} pairs written, lost: ${words(lost)}; read back from ${back.from}: ${back.pairs} pairs in ${back.records} records, ${back.repeats} of them repeats with the same id. ${(100 * recordedShare()).toFixed(3)} % recorded while the shadow was healthy.`,
    `${disturbed.again} pairs of windows were measured again, for the host had taken more than ${percent(STOLEN_MOST)} of the machine's time; ${disturbed.kept} were kept in spite of it.`,
    ...(isTooBusy()
      ? [
          `The machine was too busy with other work (${percent(idleBusy)} without the load, up to ${percent(most)}), so the ratios say little.`
        ]
      : []),
    ...(bed.kafka === null ? ['Kafka was left out on purpose, and its rows with it.'] : []),
    ...violations.map(each => `VIOLATED: ${each}`)
  ]
}

function words(counts: Readonly<Record<string, number>>): string {
  const some = Object.entries(counts).filter(([, count]) => count > 0)
  return some.length === 0 ? 'none' : some.map(([name, count]) => `${name} ${count}`).join(', ')
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`
}

function mb(bytes: number): string {
  return (bytes / 1e6).toFixed(1)
}
