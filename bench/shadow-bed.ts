/**
 * What the bench of shadows works on: the real router with four shadows of which one at most is on, their model
 * servers, and a real Kafka behind a proxy that can swallow everything.
 *
 * Where there is no Kafka to be had on purpose (SLUICE_TEST_WITHOUT=kafka), pairs go into the file of events.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { PairRecord } from '../src/domain/pair.ts'
import { PAIR } from '../src/domain/pair.ts'
import type { ShadowView } from '../src/ports.ts'
import { type FaultProxy, startFaultProxy } from '../test/helpers/fault-proxy.ts'
import { type Kafka, startKafka, WITHOUT_KAFKA } from '../test/helpers/kafka.ts'
import { readTopic } from '../test/helpers/kafka-reader.ts'
import { samplesOf, sumBy } from '../test/helpers/metrics.ts'
import { freePort } from '../test/helpers/ports.ts'
import { type Settings, type Sluice, startSluice } from '../test/helpers/sluice.ts'
import { until } from '../test/helpers/until.ts'
import { type Program, startNode, stepAside } from './process.ts'

export const SHADOWS = ['healthy', 'refusing', 'slow', 'hanging'] as const
export type Shadow = (typeof SHADOWS)[number]

const SERVED = ['healthy', 'slow', 'hanging'] // nobody listens where the refusing one is

export const ROUTE = 'demo'
export const PATH = '/v2/models/m/infer'
const TOPICS = { shadow: 'bench.shadow', decisions: 'bench.decisions' }
const CAUGHT_UP_WITHIN = 60_000
const ANSWERS_WITHIN = 30_000

export type Bed = {
  readonly sluice: Sluice
  readonly kafka: Kafka | null
  readonly proxy: FaultProxy | null // before Kafka
  /** Switches this one on and all others off; resolves when every data thread works with it. */
  readonly turn: (on: Shadow | null) => Promise<void>
  readonly view: (shadow: Shadow) => Promise<ShadowView>
  /** Pairs that the router says are written, and those that it lost, by reason. */
  readonly events: () => Promise<Events>
  /** Waits until every copy has ended and every pair is written or lost. */
  readonly quiet: () => Promise<void>
  /** Reads back all pairs: what a reader of pairs would have. */
  readonly readBack: (pairs: number) => Promise<ReadBack>
  readonly stop: () => Promise<void>
}

export type Events = { readonly written: number; readonly lost: Readonly<Record<string, number>> }

export type ReadBack = {
  readonly records: number
  readonly repeats: number // of a record that was there already, by its id
  readonly pairs: number // of a request and a shadow, each once
  readonly from: string
}

/** Starts everything; all shadows are off. `shadow` goes into each of them. Without Kafka, pairs go into a file. */
export async function startBed(
  shadow: Settings = {},
  { withKafka = true }: { readonly withKafka?: boolean } = {}
): Promise<Bed> {
  const stops: (() => unknown)[] = []
  const t = { teardown: (done: () => unknown) => stops.push(done) }
  const stop = async () => {
    for (const done of stops.splice(0).reverse()) await done()
  }
  try {
    const directory = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
    t.teardown(() => rmSync(directory, { recursive: true, force: true }))
    const [champion, shadows] = [await startUpstreams(['champion']), await startUpstreams(SERVED)]
    t.teardown(() => champion.stop('SIGKILL'))
    t.teardown(() => shadows.stop('SIGKILL'))
    const broker = withKafka && !WITHOUT_KAFKA ? await startBroker(t) : null
    const ports = { ...portsOf(champion), ...portsOf(shadows) }
    const config = settings(ports, await freePort(), broker?.proxy.port ?? null, shadow)
    const sluice = await startSluice(config, { directory })
    t.teardown(() => sluice.stop())
    // Users' own path is what is measured; challengers and brokers would be other machines.
    await stepAside(shadows.pid)
    if (broker !== null) await stepAside(broker.kafka.pid())
    const { kafka = null, proxy = null } = broker ?? {}
    const bed = bedOf({ sluice, kafka, proxy, stop })
    await bed.turn(null)
    return bed
  } catch (error) {
    await stop()
    throw error
  }
}

function bedOf(parts: Pick<Bed, 'sluice' | 'kafka' | 'proxy' | 'stop'>): Bed {
  const { sluice, kafka } = parts
  const at = (shadow: Shadow) => `/admin/v1/routes/${ROUTE}/shadows/${shadow}`
  const on = new Set<Shadow>(SHADOWS)

  const view = async (shadow: Shadow) => {
    const answer = await sluice.admin(at(shadow), { signal: AbortSignal.timeout(ANSWERS_WITHIN) })
    if (!answer.ok) throw new Error(await answer.text())
    return (await answer.json()) as ShadowView // the router's own
  }
  const put = async (shadow: Shadow, is: boolean) => {
    const { revision } = await view(shadow)
    const answer = await sluice.admin(at(shadow), {
      method: 'PUT',
      signal: AbortSignal.timeout(ANSWERS_WITHIN),
      headers: { 'if-match': `"${revision}"` },
      body: JSON.stringify({ on: is })
    })
    if (!answer.ok) throw new Error(await answer.text())
    if (is) on.add(shadow)
    else on.delete(shadow)
  }
  const events = async () => ({
    written: sumBy(await topicOf(sluice, 'sluice_events_total'), 'topic')['shadow'] ?? 0,
    lost: sumBy(await topicOf(sluice, 'sluice_events_dropped_total'), 'reason')
  })
  return {
    ...parts,
    view,
    events,
    async turn(shadow) {
      for (const other of on) if (other !== shadow) await put(other, false)
      if (shadow !== null && !on.has(shadow)) await put(shadow, true)
    },
    async quiet() {
      await until(
        'every copy has ended and every pair is written or lost',
        async () => {
          const views = await Promise.all(SHADOWS.map(view))
          if (views.some(({ considered, ...rest }) => considered !== endedOf(rest))) return false
          const { written, lost } = await events()
          return written + sum(lost) >= views.reduce((all, { outcomes }) => all + sum(outcomes), 0)
        },
        { within: CAUGHT_UP_WITHIN, every: 200 }
      )
    },
    readBack: pairs =>
      kafka === null ? readFiles(join(sluice.directory, 'events')) : readBroker(kafka, pairs)
  }
}

export function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((all, count) => all + count, 0)
}

function endedOf({ dropped, outcomes }: Pick<ShadowView, 'dropped' | 'outcomes'>): number {
  return sum(dropped) + sum(outcomes)
}

function startUpstreams(kinds: readonly string[]): Promise<Program> {
  return startNode(join(import.meta.dirname, 'shadow-upstreams.ts'), kinds)
}

/** The client of the router reaches the broker through the proxy alone; who reads back goes past it. */
async function startBroker(t: {
  teardown(done: () => unknown): unknown
}): Promise<{ readonly kafka: Kafka; readonly proxy: FaultProxy }> {
  const port = await freePort()
  const proxy = await startFaultProxy(t, { to: port })
  return { proxy, kafka: await startKafka(t, { port, advertised: proxy.port, session: 'shared' }) }
}

function settings(
  ports: Readonly<Record<string, number>>,
  closed: number,
  kafka: number | null,
  shadow: Settings
): Settings {
  const url = (port: number | undefined) => ({ upstreams: [`http://127.0.0.1:${port}`] })
  return {
    threads: 1,
    events:
      kafka === null
        ? { driver: 'file', directory: './events' }
        : { driver: 'kafka', kafka: { brokers: [`127.0.0.1:${kafka}`], topics: TOPICS } },
    routes: {
      [ROUTE]: {
        match: { hosts: ['router.test'], paths: ['/v2/models/'] },
        protocol: 'open-inference',
        hashOn: [{ header: 'x-user-id' }],
        variants: {
          champion: url(ports['champion']),
          healthy: url(ports['healthy']),
          refusing: url(closed),
          slow: url(ports['slow']),
          hanging: url(ports['hanging'])
        },
        champion: 'champion',
        initialWeights: { champion: 100, healthy: 0, refusing: 0, slow: 0, hanging: 0 },
        shadows: SHADOWS.map(name => ({ name, variant: name, percent: 100, ...shadow }))
      }
    }
  }
}

async function topicOf(sluice: Sluice, name: string) {
  return (await samplesOf(sluice.adminUrl, name)).filter(
    ({ labels }) => labels['topic'] === 'shadow'
  )
}

async function readBroker(kafka: Kafka, pairs: number): Promise<ReadBack> {
  const ids = new Set<string>()
  const messages = await readTopic(kafka.inner, TOPICS.shadow, read => {
    ids.add(read.at(-1)?.headers['ce_id'] ?? '')
    return ids.size >= pairs
  })
  const records = messages.map(({ headers, value }) => ({
    id: headers['ce_id'] ?? '',
    data: JSON.parse(value) as PairRecord // its schema is checked by tests
  }))
  return counted(records, `the broker, topic ${TOPICS.shadow}`)
}

function readFiles(directory: string): Promise<ReadBack> {
  const lines = readdirSync(directory)
    .filter(name => name.startsWith('events.ndjson'))
    .flatMap(name => readFileSync(join(directory, name), 'utf8').split('\n').filter(Boolean))
    .map(line => JSON.parse(line) as { id: string; type: string; data: PairRecord }) // likewise
  return Promise.resolve(
    counted(
      lines.filter(({ type }) => type === PAIR),
      'the file of events'
    )
  )
}

function counted(
  records: readonly { readonly id: string; readonly data: PairRecord }[],
  from: string
): ReadBack {
  return {
    records: records.length,
    repeats: records.length - new Set(records.map(({ id }) => id)).size,
    pairs: new Set(records.map(({ data }) => `${data.shadow.name} ${data.requestId}`)).size,
    from
  }
}

function portsOf({ ready }: Program): Readonly<Record<string, number>> {
  return ready['ports'] as Readonly<Record<string, number>> // our own program's
}
