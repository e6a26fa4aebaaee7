/**
 * From rows of the metric table to Prometheus text. The one file that imports prom-client: each scrape builds its
 * registry anew, so that nothing lingers.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { BOUNDS } from './latency-buckets.ts'
import type { Reading } from './reading.ts'
import type { Distribution, Sample } from './series.ts'

export type MetricRow = {
  readonly name: string
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly labels: readonly string[]
  readonly help: string
}

export type Metric = MetricRow &
  (
    | { readonly kind: 'counter' | 'gauge'; readonly read: (reading: Reading) => readonly Sample[] }
    | { readonly kind: 'histogram'; readonly read: (reading: Reading) => readonly Distribution[] }
  )

/** Prometheus text (format 0.0.4) of all rows. */
export function rendered(table: readonly Metric[], reading: Reading): Promise<string> {
  const registry = new Registry()
  for (const metric of table) register(registry, metric, reading)
  return registry.metrics()
}

/** A row whose values only grow. */
export function counter(
  name: string,
  labels: readonly string[],
  help: string,
  read: (reading: Reading) => readonly Sample[]
): Metric {
  return { name, kind: 'counter', labels, help, read }
}

/** A row whose values go up and down. */
export function gauge(
  name: string,
  labels: readonly string[],
  help: string,
  read: (reading: Reading) => readonly Sample[]
): Metric {
  return { name, kind: 'gauge', labels, help, read }
}

function register(registry: Registry, metric: Metric, reading: Reading): void {
  const { name, help } = metric
  const shape = { name, help, labelNames: [...metric.labels], registers: [registry] }
  if (metric.kind === 'histogram') {
    new CountedHistogram({ ...shape, buckets: [...BOUNDS] }).fill(metric.read(reading))
  } else if (metric.kind === 'counter') {
    const instrument = new Counter(shape)
    for (const [labels, value] of metric.read(reading)) instrument.inc({ ...labels }, value)
  } else {
    const instrument = new Gauge(shape)
    for (const [labels, value] of metric.read(reading)) instrument.set({ ...labels }, value)
  }
}

/** A histogram whose observations were counted elsewhere. prom-client renders what `getForPromString` gives. */
class CountedHistogram extends Histogram {
  private readonly title: { readonly name: string; readonly help: string }
  private distributions: readonly Distribution[] = []

  constructor(options: ConstructorParameters<typeof Histogram>[0]) {
    super(options)
    this.title = { name: options.name, help: options.help }
  }

  fill(distributions: readonly Distribution[]): void {
    this.distributions = distributions
  }

  async getForPromString(): Promise<object> {
    const { name, help } = this.title
    const values = this.distributions.flatMap(({ labels, counts, sum }) => [
      ...counts.map((value, i) => ({
        metricName: `${name}_bucket`,
        labels: { ...labels, le: String(BOUNDS[i] ?? '+Inf') },
        value
      })),
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: counts.at(-1) ?? 0 }
    ])
    return { name, help, type: 'histogram', values, aggregator: 'sum' }
  }
}
