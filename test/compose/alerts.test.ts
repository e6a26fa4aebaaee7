/**
 * The alert rules speak of metrics that exist, in words that help: names, labels and their values, annotations,
 * and sections of the manual. Whether they fire when they should is in config/prometheus/alerts.test.yaml.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { parse } from 'yaml'
import { ROOT, runSluice } from '../helpers/sluice.ts'
import { faultsOf, labelsOf } from './metric-use.ts'

type Rule = {
  readonly record?: string
  readonly alert?: string
  readonly expr: string
  readonly for?: string
  readonly labels?: { readonly severity?: string }
  readonly annotations?: Readonly<Record<string, string>>
}
type Story = {
  readonly name: string
  readonly promql_expr_test: readonly {
    readonly expr: string
    readonly exp_samples: readonly { readonly labels: string }[]
  }[]
}

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
const RULES: readonly Rule[] = parse(read('config/prometheus/alerts.yaml')).groups.flatMap(
  (group: { readonly rules: readonly Rule[] }) => group.rules
)
const ALERTS = RULES.filter(rule => rule.alert !== undefined)
const RECORDS = new Map(
  RULES.flatMap(({ record, expr }) =>
    record === undefined ? [] : [[record, labelsOf(expr)] as const]
  )
)

test('asks for metrics, labels and values that exist when a rule is evaluated', async t => {
  t.ok(ALERTS.length > 20 && RECORDS.size > 0)
  for (const { record, alert, expr } of RULES)
    t.same(faultsOf(expr, RECORDS), [], record ?? alert ?? expr)
})

test('names the level, the metric and the operation when a rule records', async t => {
  for (const [record, labels] of RECORDS) {
    const [level = ''] = record.split(':')
    t.same(level.split('_'), labels, record)
  }
})

test('says what is the matter, what to do and where to read on when an alert fires', async t => {
  const { stdout: overview } = await runSluice(['help'])
  t.equal(new Set(ALERTS.map(({ alert }) => alert)).size, ALERTS.length, 'no name twice')
  for (const { alert = '', expr, labels, annotations = {} } of ALERTS) {
    t.match(alert, /^Sluice[A-Z]\w+$/)
    t.ok(['page', 'ticket', 'info'].includes(labels?.severity ?? ''), `${alert}: severity`)
    const { summary = '', description = '', runbook_url: runbook = '', ...rest } = annotations
    t.same(rest, {}, `${alert}: no other annotation`)
    t.match(summary, /^.{20,}\.$/, `${alert}: a summary of one sentence`)
    t.match(description, /^.{40,}\.$/s, `${alert}: a description of what to do`)
    t.ok(sectionExists(runbook), `${alert}: ${runbook}`)
    for (const [, verb = ''] of description.matchAll(/`sluice (\w+)/g)) {
      t.match(overview, new RegExp(`^ +${verb} `, 'm'), `${alert}: sluice ${verb}`)
    }
    const given = labelsOf(expr, RECORDS)
    for (const [, label = ''] of `${summary}${description}`.matchAll(/\$labels\.(\w+)/g)) {
      t.ok(given.includes(label), `${alert}: ${label} is a label of the alert`)
    }
    const unfilled = `${summary}${description}`.replaceAll(
      /\{\{ \$(labels\.\w+|value( \| humanize(Percentage|Duration)?)?) \}\}/g,
      ''
    )
    t.notMatch(unfilled, /[{}$]/, `${alert}: templates that can be filled in`)
  }
})

test('is asked often enough when an alert waits ten seconds', async t => {
  const { global, rule_files: files } = parse(read('config/prometheus/prometheus.yaml'))
  t.same(files, ['alerts.yaml'])
  for (const interval of ['scrape_interval', 'evaluation_interval']) {
    t.ok(seconds(global[interval]) <= 5, interval)
  }
  const apart = ALERTS.find(({ alert }) => alert === 'SluiceReplicasDisagree')
  t.equal(seconds(apart?.for), 10)
})

test('has a story in which it fires and one in which it does not when an alert is written', async t => {
  const page = parse(read('config/prometheus/alerts.test.yaml'))
  t.same(page.rule_files, ['alerts.yaml'])
  const stories: readonly Story[] = page.tests
  const fired = new Set<string>()
  for (const { name, promql_expr_test: moments } of stories) {
    t.ok(
      moments.some(each => each.expr.startsWith('ALERTS') && each.exp_samples.length === 0),
      `${name}: has a moment of silence`
    )
    for (const { labels } of moments.flatMap(each => each.exp_samples)) {
      const [, alert] = /^ALERTS\{alertname="(\w+)",alertstate="firing"/.exec(labels) ?? []
      if (alert !== undefined) fired.add(alert)
    }
  }
  t.same([...fired].sort(), ALERTS.map(({ alert }) => alert ?? '').sort())
})

test('is found out when an expression names what does not exist', t => {
  const wrong: Readonly<Record<string, RegExp>> = {
    'sum(rate(sluice_request_total[5m]))': /no metric sluice_request_total/,
    'sum by (rote) (sluice_paused)': /nothing has the label rote/,
    'sluice_paused{shard="1"} == 1': /has no label shard/,
    'sluice_route_phase{phase="rolled_back"} == 1': /phase is never rolled_back/,
    'rate(sluice_requests_total{outcome=~"timeout|5xx"}[5m])': /outcome is never 5xx/,
    'rate(sluice_paused[5m])': /is no counter/,
    'sluice_requests_total > 5': /is a counter/,
    'sluice_paused[5m]': /a range of its own/,
    'summe(sluice_paused)': /no function summe/,
    'rate(sluice_request_duration_seconds[5m])': /no metric/,
    'sluice_shed_total{reason="no_upstream"} unless sluice_shed_total offset 5m':
      /reason is never no_upstream/
  }
  for (const [expression, fault] of Object.entries(wrong)) {
    t.match(faultsOf(expression).join('\n'), fault, expression)
  }
  for (const broken of ['sum(a', 'a)', 'a{b="c}', 'a{b=c}', 'a{b="1" c="2"}', 'a ? b', 'a[5m)']) {
    t.throws(() => faultsOf(broken), broken)
  }
  t.same(faultsOf('histogram_quantile(0.9, rate(sluice_request_duration_seconds_bucket[5m]))'), [])
  t.end()
})

/** Whether `docs/page.md#section` is a heading of a page of the repository. */
function sectionExists(link: string): boolean {
  const [file = '', anchor = ''] = link.split('#')
  if (!/^docs\/[\w-]+\.md$/.test(file) || !existsSync(join(ROOT, file))) return false
  const headings = [...read(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-')
  )
  return headings.includes(anchor)
}

function seconds(duration: unknown): number {
  const [, count = '', unit = ''] = /^(\d+)([sm])$/.exec(String(duration)) ?? []
  return Number(count || Number.NaN) * (unit === 'm' ? 60 : 1)
}
