/**
 * Panels of a Grafana board as data: what every panel has in common is said once here.
 *
 * The shapes are those of Grafana's dashboard JSON (schema 39, read by 11 and 12). Colours go by the name of a
 * series, so that a variant has the same one everywhere.
 */
export type Query = {
  readonly expr: string
  readonly legend: string
}

export type Panel = {
  readonly title: string
  readonly description: string
  readonly width: number // of 24
  readonly height: number
  readonly type: 'row' | 'stat' | 'timeseries' | 'state-timeline'
  readonly queries: readonly Query[]
  readonly field: Readonly<Record<string, unknown>> // fieldConfig.defaults
  readonly options: Readonly<Record<string, unknown>>
}

type Look = {
  readonly unit?: string
  readonly max?: number
  readonly stepped?: boolean // a value that holds until the next one
  readonly limit?: number // drawn as a line; beyond it is red
  readonly width?: number
}

type Said = readonly [title: string, description: string]

/** The source of data that the reader of the board chooses. */
export const SOURCE = { type: 'prometheus', uid: `\${datasource}` } as const

export function row(title: string): Panel {
  const nothing = { queries: [], field: {}, options: {} }
  return { title, description: '', width: 24, height: 1, type: 'row', ...nothing }
}

/** Lines over time, one axis that begins at 0. */
export function lines(said: Said, queries: readonly Query[], look: Look = {}): Panel {
  const [title, description] = said
  const { unit = 'short', max, stepped = false, limit, width = 8 } = look
  return {
    title,
    description,
    width,
    height: 8,
    type: 'timeseries',
    queries,
    field: {
      unit,
      min: 0,
      ...(max === undefined ? {} : { max }),
      color: { mode: 'palette-classic-by-name' },
      custom: {
        drawStyle: 'line',
        lineInterpolation: stepped ? 'stepAfter' : 'linear',
        lineWidth: 1,
        fillOpacity: 0,
        showPoints: 'never',
        spanNulls: false,
        thresholdsStyle: { mode: limit === undefined ? 'off' : 'line' }
      },
      ...(limit === undefined ? {} : { thresholds: thresholds(limit) })
    },
    options: {
      legend: { displayMode: 'table', placement: 'bottom', calcs: ['lastNotNull', 'max'] },
      tooltip: { mode: 'multi', sort: 'desc' }
    }
  }
}

/** One number now; from `limit` on it is red. */
export function number(said: Said, expr: string, look: Look & { readonly limit: number }): Panel {
  const [title, description] = said
  const { unit = 'short', limit, width = 4 } = look
  return {
    title,
    description,
    width,
    height: 4,
    type: 'stat',
    queries: [{ expr, legend: '' }],
    field: { unit, color: { mode: 'thresholds' }, thresholds: thresholds(limit) },
    options: {
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      colorMode: 'value',
      graphMode: 'none',
      textMode: 'value'
    }
  }
}

/** A bar per series over time: `good` while it is 1, `bad` while it is 0. */
export function bars(said: Said, queries: readonly Query[], good: string, bad: string): Panel {
  const [title, description] = said
  return {
    title,
    description,
    width: 8,
    height: 8,
    type: 'state-timeline',
    queries,
    field: {
      color: { mode: 'thresholds' },
      custom: { fillOpacity: 70, lineWidth: 0 },
      thresholds: { mode: 'absolute', steps: [step('red', null), step('green', 1)] },
      mappings: [
        {
          type: 'value',
          options: { 0: { text: bad, index: 0 }, 1: { text: good, index: 1 } }
        }
      ]
    },
    options: {
      mergeValues: true,
      showValue: 'never',
      alignValue: 'left',
      rowHeight: 0.8,
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
      tooltip: { mode: 'single', sort: 'none' }
    }
  }
}

/** Puts panels side by side, row after row, and gives them what Grafana wants of each. */
export function placed(panels: readonly Panel[]): readonly object[] {
  let x = 0
  let y = 0
  let tallest = 0
  return panels.map((panel, i) => {
    if (x + panel.width > 24) {
      x = 0
      y += tallest
      tallest = 0
    }
    const gridPos = { x, y, w: panel.width, h: panel.height }
    x += panel.width
    tallest = Math.max(tallest, panel.height)
    return grafanaPanel(panel, i + 1, gridPos)
  })
}

function grafanaPanel(panel: Panel, id: number, gridPos: object): object {
  const { title, type } = panel
  if (type === 'row') return { id, type, title, gridPos, collapsed: false, panels: [] }
  return {
    id,
    type,
    title,
    description: panel.description,
    gridPos,
    datasource: SOURCE,
    targets: panel.queries.map(({ expr, legend }, i) => ({
      refId: String.fromCharCode(65 + i),
      datasource: SOURCE,
      editorMode: 'code',
      expr,
      legendFormat: legend,
      range: type !== 'stat',
      instant: type === 'stat'
    })),
    fieldConfig: { defaults: panel.field, overrides: [] },
    options: panel.options
  }
}

function thresholds(limit: number): object {
  return { mode: 'absolute', steps: [step('green', null), step('red', limit)] }
}

function step(color: string, value: number | null): object {
  return { color, value }
}
