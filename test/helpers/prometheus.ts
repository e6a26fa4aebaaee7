/**
 * Reads Prometheus text strictly and says what is wrong with it: the rules of the format and of its naming
 * (prometheus.io/docs: exposition formats; practices/naming), as the usual linter checks them.
 */
export type Family = {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly samples: readonly Series[]
}
export type Series = {
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
  readonly value: number
}

/** All families of a text. Throws on the first line that is not of the format. */
export function parsePrometheus(text: string): readonly Family[] {
  if (!text.endsWith('\n')) throw new Error('the last line has no line feed')
  const families: { name: string; type: string; help: string; samples: Series[] }[] = []
  for (const line of text.split('\n')) {
    if (line === '') continue
    const [, kind, name = '', rest = ''] =
      /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.*)$/.exec(line) ?? []
    if (kind === 'HELP') {
      families.push({ name, help: rest, type: '', samples: [] })
      continue
    }
    const family = families.at(-1)
    if (!family) throw new Error(`a sample before any HELP: ${line}`)
    if (kind === 'TYPE') {
      if (family.name !== name || family.type !== '') throw new Error(`TYPE out of place: ${line}`)
      family.type = rest
      continue
    }
    family.samples.push(series(line))
  }
  return families
}

/** What a linter would complain of; empty when all is well. */
export function lintPrometheus(families: readonly Family[]): readonly string[] {
  const faults: string[] = []
  const names = new Set<string>()
  const keys = new Set<string>()
  for (const family of families) {
    const { name, type, help, samples } = family
    const fault = (what: string) => faults.push(`${name}: ${what}`)
    if (names.has(name)) fault('there twice')
    names.add(name)
    if (!/^[a-z][a-z0-9_]*$/.test(name)) fault('not in snake_case')
    if (help.trim() === '') fault('no help')
    if (!['counter', 'gauge', 'histogram'].includes(type)) fault(`type ${type}`)
    if ((type === 'counter') !== name.endsWith('_total')) fault('_total is for counters')
    if (/_(count|sum|bucket)$/.test(name)) fault('a reserved ending')
    if (/(milliseconds|micros|_ms|kilobytes|megabytes|percent|minutes|hours)/.test(name)) {
      fault('no base unit')
    }
    for (const sample of samples) {
      const labels = [...sample.labels].sort().map(([label, value]) => `${label}=${value}`)
      const key = `${sample.name}{${labels.join(',')}}`
      if (keys.has(key)) fault(`the series ${key} twice`)
      keys.add(key)
      if (!belongs(sample.name, name, type)) fault(`the sample ${sample.name}`)
      for (const label of sample.labels.keys()) {
        if (!/^[a-z][a-z0-9_]*$/.test(label)) fault(`the label ${label}`)
        if (label === 'le' && type !== 'histogram') fault('le outside of a histogram')
      }
      if (Number.isNaN(sample.value)) fault('not a number')
      if (type === 'counter' && !(sample.value >= 0)) fault(`a counter of ${sample.value}`)
    }
    if (type === 'histogram') faults.push(...lintHistogram(family))
  }
  return faults
}

function belongs(sample: string, family: string, type: string): boolean {
  if (type !== 'histogram') return sample === family
  return [`${family}_bucket`, `${family}_sum`, `${family}_count`].includes(sample)
}

/** Buckets rise with their bounds, end with +Inf, and that is the count. */
function lintHistogram({ name, samples }: Family): readonly string[] {
  const faults: string[] = []
  const groups = new Map<string, { buckets: [number, number][]; count?: number; sum?: number }>()
  for (const sample of samples) {
    const { labels, value } = sample
    const key = [...labels]
      .filter(([label]) => label !== 'le')
      .sort()
      .join(';')
    const group = groups.get(key) ?? { buckets: [] }
    groups.set(key, group)
    if (sample.name.endsWith('_sum')) group.sum = value
    else if (sample.name.endsWith('_count')) group.count = value
    else group.buckets.push([Number(labels.get('le')?.replace('+Inf', 'Infinity')), value])
  }
  for (const [key, { buckets, count, sum }] of groups) {
    const fault = (what: string) => faults.push(`${name}{${key}}: ${what}`)
    buckets.forEach(([bound, value], i) => {
      const [before, less] = buckets[i - 1] ?? [Number.NEGATIVE_INFINITY, 0]
      if (!(bound > before)) fault(`bound ${bound} after ${before}`)
      if (value < less) fault(`${value} at ${bound} after ${less}`)
    })
    const [last, all] = buckets.at(-1) ?? []
    if (last !== Number.POSITIVE_INFINITY) fault('no bucket for +Inf')
    if (all !== count) fault(`count ${count}, last bucket ${all}`)
    if (sum === undefined || sum < 0 || (count === 0 && sum !== 0)) fault(`sum ${sum}`)
  }
  return faults
}

function series(line: string): Series {
  const [, name, inner = '', text] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
  if (name === undefined || text === undefined) throw new Error(`no sample: ${line}`)
  const value =
    text === '+Inf'
      ? Number.POSITIVE_INFINITY
      : text === '-Inf'
        ? Number.NEGATIVE_INFINITY
        : Number(text)
  const labels = new Map<string, string>()
  const pattern = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y
  while (pattern.lastIndex < inner.length) {
    const at = pattern.lastIndex
    const [, label, quoted] = pattern.exec(inner) ?? []
    if (label === undefined || quoted === undefined) throw new Error(`no label at ${at}: ${line}`)
    if (labels.has(label)) throw new Error(`a label twice: ${line}`)
    labels.set(
      label,
      quoted.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c))
    )
  }
  return { name, labels, value }
}
