/** `npm run demo -- --shadow`: all that it promises about copies, pairs and users happens, and nothing stays. */
import t, { type Test } from 'tap'
import { type DemoRun, runDemo } from '../helpers/demo-run.ts'
import { sharedKafka, WITHOUT_KAFKA } from '../helpers/kafka.ts'
import { runSluice } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

const SHORT = ['--shadow', '--seconds', '8', '--rps', '50']

t.test('every pair is in the file once and differences have a name when it has run', async t => {
  const run = runDemo(t, ...SHORT, '--json', '--events', 'file')
  await checkShown(t, run, 'file')
  const { found, copied } = summaryOf(run)
  t.match(found, { records: copied, pairs: copied, where: /events\.ndjson/ })
})

t.test('pairs are in a topic of Kafka when there is a broker', { skip: WITHOUT_KAFKA }, async t => {
  const { brokers } = await sharedKafka(t)
  const before = process.env['KAFKA_BROKERS']
  process.env['KAFKA_BROKERS'] = brokers.join(',')
  const run = runDemo(t, ...SHORT, '--json')
  if (before === undefined) delete process.env['KAFKA_BROKERS']
  else process.env['KAFKA_BROKERS'] = before
  await checkShown(t, run, 'kafka')
  const { found, copied } = summaryOf(run)
  t.match(found, { where: /sluice-demo\.shadow, partition 0 offsets \d+ to \d+/ })
  t.ok(Number(found?.['records']) >= copied, 'each pair is there')
})

t.test(
  'what was found is told in words, with commands that work, when it is told to --keep',
  async t => {
    const run = runDemo(t, ...SHORT, '--keep', '--events', 'file')
    await until('the commands', () => run.stdout().includes('Ctrl-C ends it'))
    t.match(run.stdout(), /the models agree on \d+\.\d % \(\d+\.\d % to \d+\.\d %\)/)
    t.match(run.stdout(), /outputs\.probabilities: \d+\.\d % differ \((label|probability) \d+/)
    t.match(run.stdout(), /failed requests of users +0 of \d+/)
    const [, words = ''] = /^ {2}bin\/sluice\.js (shadow diff .*)$/m.exec(run.stdout()) ?? []
    t.match(await outputOf(words), /outputs\.probabilities/)
    run.child.kill('SIGTERM')
    t.equal(await run.code, 130)
    await checkGone(t, run)
  }
)

t.test('no process and no file stays when Ctrl-C is pressed', async t => {
  const run = runDemo(t, '--shadow', '--json', '--events', 'file')
  await until('the first second', () => run.events().some(one => one.event === 'second'))
  run.child.kill('SIGINT')
  t.equal(await run.code, 130)
  await checkGone(t, run)
})

t.test('it ends with 1 and says why when it is told to use a Kafka that is not there', async t => {
  const before = process.env['KAFKA_BROKERS']
  process.env['KAFKA_BROKERS'] = '127.0.0.1:1'
  const run = runDemo(t, '--shadow', '--json', '--events', 'kafka')
  if (before === undefined) delete process.env['KAFKA_BROKERS']
  else process.env['KAFKA_BROKERS'] = before
  t.equal(await run.code, 1)
  t.match(run.events().at(-1), { event: 'summary', shown: false, why: /127\.0\.0\.1:1 does not/ })
  await checkGone(t, run)
})

t.test('the help is shown when options are wrong', async t => {
  for (const args of [['--fleet'], ['--seconds', '1'], ['--events', 'redis']]) {
    const run = runDemo(t, '--shadow', ...args)
    t.equal(await run.code, 2)
    t.match(run.stderr(), '--shadow ')
  }
})

type Counts = Readonly<Record<string, number>>
type Summary = {
  readonly considered: number
  readonly copied: number
  readonly dropped: Counts
  readonly outcomes: Counts
  readonly found?: Readonly<Record<string, unknown>>
  readonly agreement?: {
    readonly overall: { readonly agree: number; readonly of: number }
    readonly fields: readonly { readonly field: string; readonly kinds: Counts }[]
  }
}

function summaryOf(run: DemoRun): Summary {
  return run.events().at(-1) as Summary & ReturnType<DemoRun['events']>[number]
}

async function checkShown(t: Test, run: DemoRun, place: string): Promise<void> {
  t.equal(await run.code, 0, run.told())
  const events = run.events()
  t.match(events[0], { event: 'started', rps: 50 })
  const seconds = events.filter(({ event }) => event === 'second')
  t.ok(
    seconds.some(({ state, applied }) => state === 'on' && applied !== undefined),
    'it was on'
  )
  t.ok(
    seconds.some(({ state }) => state === 'off'),
    'and off'
  )
  t.match(events.at(-1), {
    event: 'summary',
    shown: true,
    place,
    failed: 0,
    windows: { pairs: 2, p99: { off: Number, on: Number, ratio: Number }, busy: { on: Number } },
    agreement: { latency: { ratio: Number, low: Number, high: Number } }
  })
  const { considered, copied, dropped, outcomes, agreement } = summaryOf(run)
  t.equal(copied + sum(dropped), considered, 'everything that was considered ended')
  const { agree = 0, of = 0 } = agreement?.overall ?? {}
  t.ok(agree > 0 && agree < of, `${agree} of ${of} agree`)
  const names = agreement?.fields.filter(({ kinds }) => sum(kinds) > 0).map(({ field }) => field)
  const failed = copied - (outcomes['ok'] ?? 0) // a copy that failed, on a loaded machine, differs in these too
  t.same(
    names?.filter(name => failed === 0 || !['outcome', 'status'].includes(name)).toSorted(),
    ['outputs.probabilities', 'outputs.score'],
    JSON.stringify(outcomes)
  )
  await checkGone(t, run)
}

/** The shell that would have ended the children, had the demo been killed, sees its end a moment later. */
async function checkGone(t: Test, run: DemoRun): Promise<void> {
  await until('no process to stay', () => run.processes().length === 0)
  t.same(run.files(), [], 'no file stays')
}

function sum(counts: Counts): number {
  return Object.values(counts).reduce((all, count) => all + count, 0)
}

async function outputOf(words: string): Promise<string> {
  const { stdout, stderr, code } = await runSluice(words.split(' '))
  return `${stdout}${stderr} exit code ${code}`
}
