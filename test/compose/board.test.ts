/**
 * The Grafana board shows what there is: it is what its source says, its expressions name metrics, labels and
 * values that exist, and its panels lie beside each other.
 */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { parse } from 'yaml'
import { board } from '../../config/grafana/board.ts'
import { ROOT } from '../helpers/sluice.ts'
import { faultsOf, labelsOf } from './metric-use.ts'

type Panel = {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly gridPos: {
    readonly x: number
    readonly y: number
    readonly w: number
    readonly h: number
  }
  readonly targets?: readonly {
    readonly refId: string
    readonly expr: string
    readonly legendFormat: string
    readonly datasource: unknown
  }[]
}

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8')
const BOARD = JSON.parse(read('config/grafana/boards/sluice.json'))
const PANELS: readonly Panel[] = BOARD.panels
const EXPRESSIONS = [
  ...PANELS.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...BOARD.annotations.list.map((each: { target: { expr: string } }) => each.target.expr)
]

test('is what node config/grafana/board.ts would write when nothing was edited by hand', async t => {
  t.same(BOARD, JSON.parse(JSON.stringify(board)))
})

test('asks for metrics, labels and values that exist when a panel is drawn', async t => {
  t.ok(EXPRESSIONS.length > 30)
  const variables = ['job', 'route', 'instance']
  t.same(
    BOARD.templating.list.map((each: { readonly name: string }) => each.name),
    ['datasource', ...variables]
  )
  for (const expression of EXPRESSIONS) {
    const filled = expression.replaceAll('$__rate_interval', '1m')
    t.same(faultsOf(filled), [], expression)
    for (const [, name = ''] of filled.matchAll(/\$(\w+)/g)) t.ok(variables.includes(name), name)
    t.match(expression, 'instance=~"$instance"', 'the choice of routers holds for every line')
  }
  for (const { query } of BOARD.templating.list.slice(1)) {
    const [, selector = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(query.query) ?? []
    t.same(faultsOf(`max by (${label}) (${selector})`), [], query.query)
  }
})

test('shows labels that its query keeps when a line is named', async t => {
  for (const { title, targets = [] } of PANELS) {
    for (const { expr, legendFormat } of targets) {
      const labels = labelsOf(expr.replaceAll('$__rate_interval', '1m'))
      for (const [, label = ''] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
        t.ok(labels.includes(label), `${title}: ${label}`)
      }
    }
  }
})

test('lies beside each other, and says what it shows, when the panels are placed', async t => {
  t.equal(new Set(PANELS.map(({ id }) => id)).size, PANELS.length)
  t.equal(new Set(PANELS.map(({ title }) => title)).size, PANELS.length)
  const taken = new Set<string>()
  const over: string[] = []
  for (const { title, type, description = '', gridPos, targets = [] } of PANELS) {
    if (type !== 'row') {
      t.ok(description.length > 10, `${title}: a description`)
      t.ok(targets.length > 0, `${title}: a query`)
    }
    t.ok(gridPos.x >= 0 && gridPos.x + gridPos.w <= 24, `${title}: inside`)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        if (taken.has(`${x}/${y}`)) over.push(`${title} at ${x}/${y}`)
        taken.add(`${x}/${y}`)
      }
    }
  }
  t.same(over, [], 'no panel lies over another')
})

test('is found by Grafana when it is provisioned as docker-compose.yml mounts it', async t => {
  const provisioning = 'config/grafana/provisioning'
  for (const file of globSync(`${provisioning}/*/*.yaml`, { cwd: ROOT })) {
    t.equal(parse(read(file)).apiVersion, 1, file)
  }
  const [source] = parse(read(`${provisioning}/datasources/prometheus.yaml`)).datasources
  t.equal(source.type, 'prometheus')
  const { services } = parse(read('docker-compose.yml'), { merge: true })
  const { hostname, port } = new URL(source.url)
  t.ok(hostname in services)
  t.match(JSON.stringify(services[hostname].ports), `:${port}"`)
  const [provider] = parse(read(`${provisioning}/dashboards/sluice.yaml`)).providers
  const mounts: readonly string[] = services.grafana.volumes
  const mount = mounts.find(each => each.split(':')[1] === provider.options.path)
  t.equal(mount?.split(':')[0], './config/grafana/boards')
  const home: string = services.grafana.environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH
  t.ok(existsSync(join(ROOT, home.replace('/etc/grafana/', 'config/grafana/'))), home)
})
