/**
 * A route in a few lines for a person: who has which share, what speaks against whom, what is in force.
 *
 * Every number is the API's; nothing is judged here. What is wrong stands first in the eye (colour), and a
 * rollback is told in the sentence of its trigger, with the command that ends it.
 */
import type { RouteView, TriggerView } from '../ports.ts'
import { decidedFigures, type Figures } from './decided-figures.ts'
import type { Configured } from './documents.ts'
import { ago, clean, type Paint, percent, type Screen, table } from './screen.ts'

/** What is known of a route beside its document. */
export type Beside = {
  readonly warnings: readonly string[] // what else is wrong with it
  readonly configured: Pick<Configured, 'shadows' | 'overridden'> | undefined
}

/**
 * Lines for one route, with all triggers where `full`, else the one nearest to its threshold. Shadows are shown
 * only where `beside` can say whether they run.
 */
export function statusLines(
  view: RouteView,
  screen: Screen,
  full: boolean,
  { configured, warnings }: Beside = { warnings: [], configured: undefined }
): string[] {
  const challengers = Object.keys(view.challengers)
  const others = Object.keys(view.weights).filter(
    name => name !== view.champion && !challengers.includes(name)
  )
  const rows = [view.champion, ...challengers, ...others].map(name => rowOf(view, name))
  const [head = '', ...lines] = table(
    ['  VARIANT', 'ROLE', 'SET', 'OBSERVED', 'EVIDENCE'],
    rows,
    [2, 3]
  )
  return [
    headline(view, screen),
    screen.paint('dim', head),
    ...lines,
    ...(view.stale ? [screen.paint('red', `  ${STALE}`)] : []),
    ...warnings.map(text => screen.paint('red', clean(`  ${text}`))),
    ...(configured ? shadowLine(view, configured) : []),
    ...(full ? triggerLines(view, screen) : []),
    ...challengers.flatMap(name => inForce(view, name, screen)),
    ''
  ]
}

const STALE =
  'STALE: the store has not confirmed this route to this replica for long; see state.stale and /readyz'

function headline(view: RouteView, screen: Screen): string {
  const { applied, of } = view.replicas
  const replicas = `on ${applied} of ${of} replica${of === 1 ? '' : 's'}`
  const phase = screen.paint(phasePaint(view.phase), view.phase)
  const revision = `revision ${view.epoch}-${view.revision}`
  return `${screen.paint('bold', clean(view.route))}  ${phase}  ${revision}  ${replicas}`
}

function phasePaint(phase: string): Paint {
  if (phase === 'rolled-back') return 'red'
  return phase === 'paused' ? 'yellow' : 'green'
}

function rowOf(view: RouteView, name: string): string[] {
  return [
    `  ${name}`,
    name === view.champion ? 'champion' : 'challenger',
    percent(view.weights[name] ?? 0),
    percent(view.actualWeights[name] ?? 0),
    downText(view, name) ?? evidenceText(nearest(view, name))
  ]
}

/** Why a challenger gathers no evidence, with the figures that took it out where there are some. */
function downText(view: RouteView, name: string): string | null {
  const figures = decidedFigures(view).find(({ variant }) => variant === name)
  if (figures === undefined) return downAs(view, name)
  const { trigger, evidence, threshold, failed, of } = figures
  const counts = failed === null || of === null ? '' : ` (${failed} of ${of})`
  return `rolled back: ${trigger} ${fixed(evidence, 1)} of ${fixed(threshold, 1)}${counts}`
}

/** Why nothing is sent to a challenger. */
function downAs(view: RouteView, name: string): string | null {
  if (view.challengers[name]?.rollback) return 'rolled back'
  return Object.hasOwn(view.quarantined, name) ? 'out on this replica' : null
}

/** The trigger of a challenger whose evidence is the largest part of its threshold. */
function nearest(view: RouteView, variant: string): TriggerView | undefined {
  const own = view.triggers.filter(trigger => trigger.variant === variant)
  return own.sort((a, b) => nearness(b) - nearness(a))[0]
}

/** Which part of its threshold the evidence is; a trigger that warms up may have no threshold yet. */
function nearness({ logEvidence, threshold }: TriggerView): number {
  return threshold > 0 ? logEvidence / threshold : 0
}

function evidenceText(trigger: TriggerView | undefined): string {
  if (trigger === undefined) return ''
  const { logEvidence, threshold, n, x, state } = trigger
  const counts = `${x} of ${n}`
  const evidence = `${fixed(logEvidence, 1)} of ${fixed(threshold, 1)}`
  return `${trigger.trigger} ${evidence} (${counts}${state === 'armed' ? '' : `, ${state}`})`
}

function triggerLines(view: RouteView, screen: Screen): string[] {
  const decided = decidedFigures(view)
  const armed = ({ variant }: { readonly variant: string }) =>
    !decided.some(figures => figures.variant === variant)
  const all = [
    ...view.triggers.filter(armed).map(trigger => ({ trigger, of: trigger.trigger })),
    ...view.fleetTriggers.filter(armed).map(trigger => ({
      trigger,
      of: `${trigger.trigger} of ${trigger.replicas} replicas`
    }))
  ]
  if (all.length === 0 && decided.length === 0) return []
  const live = all.map(({ trigger, of }) => [
    `  ${trigger.variant}`,
    of,
    trigger.state,
    fixed(trigger.logEvidence, 2),
    fixed(trigger.threshold, 2),
    `${trigger.x} of ${trigger.n}`,
    fixed(trigger.ratio, 2),
    fixed(trigger.phi, 2),
    ago(trigger.since)
  ])
  const rows = [...decided.flatMap(decidedRows), ...live]
  const head = ['  VARIANT', 'TRIGGER', 'STATE', 'EVIDENCE', 'THRESHOLD', 'FAILED', 'RATIO', 'PHI']
  const [first = '', ...lines] = table([...head, 'SINCE'], rows, [3, 4, 5, 6, 7])
  return ['', screen.paint('dim', first), ...lines]
}

/** As the table stood when the challenger was taken out, and what the champion had then. */
function decidedRows(figures: Figures): string[][] {
  const { variant, trigger, evidence, threshold, failed, of, ratio, phi, since, champion } = figures
  const row = [
    `  ${variant}`,
    trigger,
    'rolled back',
    fixed(evidence, 2),
    fixed(threshold, 2),
    failed === null || of === null ? '' : `${failed} of ${of}`,
    fixed(ratio, 2),
    fixed(phi, 2),
    ago(since)
  ]
  if (champion === null) return [row]
  const against = `${champion.failed} of ${champion.of}`
  return [row, ['    champion', trigger, 'as it was', '', '', against, '', '', ago(since)]]
}

/** The shadows of the route in a word each; sluice shadow status has what they found. */
function shadowLine(
  view: RouteView,
  configured: Pick<Configured, 'shadows' | 'overridden'>
): string[] {
  const each = Object.entries(view.shadows).map(([name, { on }]) => {
    const { variant = '', whileLive = false } = configured.shadows.get(name) ?? {}
    const pauses = !whileLive && isLive(view, variant, configured.overridden)
    if (!on) return `${name} off`
    return pauses ? `${name} live (paused: ${variant} has traffic of its own)` : `${name} on`
  })
  return each.length === 0 ? [] : [clean(`  shadows: ${each.join(', ')}`)]
}

/** Whether a variant gets requests of its own, and its shadows pause. Of a stale route nobody here knows. */
function isLive(view: RouteView, variant: string, overridden: readonly string[]): boolean {
  if (variant === view.champion) return true
  if (view.stale || downAs(view, variant) !== null) return false
  return (view.weights[variant] ?? 0) > 0 || overridden.includes(variant)
}

/** What holds a challenger down, and the command that lets it go. */
function inForce(view: RouteView, name: string, screen: Screen): string[] {
  const { rollback = null, paused = null } = view.challengers[name] ?? {}
  const lines: string[] = []
  const quarantine = Object.hasOwn(view.quarantined, name) ? view.quarantined[name] : undefined
  if (quarantine !== undefined && rollback === null) {
    const { at, trigger, reason } = quarantine
    const who = clean(`${name} put into quarantine on this replica ${ago(at)} by ${trigger}`)
    lines.push(`  ${screen.paint('red', who)}${because(reason)}`)
    lines.push('  it ends when the fleet decides, or after 60 s of passed health checks')
    lines.push(`  to end it here: sluice resume ${clean(`${view.route} ${name}`)}`)
    lines.push(`  to take it out everywhere: sluice rollback ${clean(`${view.route} ${name}`)}`)
  }
  if (rollback !== null) {
    const who = clean(`${name} rolled back ${ago(rollback.at)} by ${rollback.by}`)
    lines.push(`  ${screen.paint('red', who)}${because(rollback.reason)}`)
    lines.push(`  to end it: sluice clear ${clean(`${view.route} ${rollback.id}`)}`)
  }
  if (paused !== null) {
    const who = clean(`${name} paused ${ago(paused.at)} by ${paused.by}`)
    lines.push(`  ${screen.paint('yellow', who)}${because(paused.reason)}`)
    lines.push(`  to end it: sluice resume ${clean(`${view.route} ${name}`)}`)
  }
  return lines
}

/** A number that JSON could not hold, as an infinite one, is left out. */
function fixed(value: number | null, digits: number): string {
  return value === null ? '' : value.toFixed(digits)
}

function because(reason: string): string {
  return reason === '' ? '' : `: ${clean(reason)}`
}
