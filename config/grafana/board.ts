/**
 * The board of a fleet of routers: `node config/grafana/board.ts` writes boards/sluice.json.
 *
 * It answers, in this order: is a challenger in trouble, who gets what, how do the variants compare (always in one
 * panel with one axis, so that nothing looks alike that is not), do the routers agree, are they well. Metrics and
 * labels: docs/metrics.md.
 */
import { writeFileSync } from 'node:fs'
import { now, routers, state, upstreams } from './fleet-panels.ts'
import { placed, row, SOURCE } from './panels.ts'
import { ROUTE } from './queries.ts'
import { shadows } from './shadow-panels.ts'
import { evidence, traffic } from './variant-panels.ts'

/** The board as Grafana's dashboard JSON. */
export const board = {
  uid: 'sluice',
  title: 'Sluice',
  description: 'Releases of models behind Sluice: who gets what, how variants compare, what acts.',
  tags: ['sluice'],
  schemaVersion: 39,
  editable: false,
  graphTooltip: 1,
  time: { from: 'now-1h', to: 'now' },
  refresh: '10s',
  timezone: 'browser',
  templating: {
    list: [
      {
        name: 'datasource',
        label: 'Source',
        type: 'datasource',
        query: 'prometheus',
        hide: 0
      },
      chosen('job', 'Fleet', 'label_values(sluice_build_info, job)', false),
      chosen('route', 'Route', 'label_values(sluice_route_phase{job=~"$job"}, route)', true),
      chosen('instance', 'Router', 'label_values(sluice_build_info{job=~"$job"}, instance)', true)
    ]
  },
  annotations: {
    list: [
      {
        name: 'Rollbacks',
        datasource: SOURCE,
        enable: true,
        hide: false,
        iconColor: 'red',
        target: {
          refId: 'Rollbacks',
          expr: `sum by (route, trigger) (increase(sluice_rollbacks_total{${ROUTE}}[1m])) > 0`,
          interval: '15s'
        },
        titleFormat: 'Rollback on {{route}}',
        textFormat: 'decided by {{trigger}}',
        tagKeys: 'route,trigger'
      }
    ]
  },
  panels: placed([
    ...now,
    row('Who gets what, and how they compare'),
    ...traffic,
    row('Why a challenger would leave'),
    ...evidence,
    row('Shadows and events'),
    ...shadows,
    row('Do the routers agree'),
    ...state,
    row('Model servers'),
    ...upstreams,
    row('Routers'),
    ...routers
  ])
}

if (import.meta.main) {
  const path = new URL('boards/sluice.json', import.meta.url)
  writeFileSync(path, `${JSON.stringify(board, null, 2)}\n`)
}

/** A variable of the board. Several values mean all that match; the first fleet is chosen. */
function chosen(name: string, label: string, query: string, several: boolean): object {
  return {
    name,
    label,
    type: 'query',
    datasource: SOURCE,
    query: { query, refId: name },
    refresh: 2,
    sort: 1,
    hide: 0,
    multi: several,
    includeAll: several,
    ...(several ? { allValue: '.*', current: { text: 'All', value: '$__all' } } : {})
  }
}
