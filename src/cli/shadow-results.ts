/**
 * Shadows in a few lines for a person: who gets copies of what, what became of them, how far the answers agree.
 *
 * Every number is the API's, of the replica that answers; what the numbers can say is shadow-verdict.ts.
 */
import type { AgreementView, FieldAgreement, Share } from '../domain/compare/agreement.ts'
import type { ShadowView } from '../ports.ts'
import { clean, percent, type Screen, table } from './screen.ts'
import { verdictOf } from './shadow-verdict.ts'

const MOST_FIELDS = 20
const MOST_EXAMPLES = 3 // of a field

/** A table with a line for each shadow. */
export function shadowLines(views: readonly ShadowView[], screen: Screen): string[] {
  if (views.length === 0) return ['there are no shadows']
  const rows = views.map(view => [
    view.route,
    view.shadow,
    view.variant,
    view.state,
    percent(view.settings.percent),
    String(view.considered),
    String(sum(view.outcomes)),
    countsText(view.dropped),
    countsText(view.outcomes, ['ok']),
    agreementText(view),
    latencyText(view.agreement)
  ])
  const head = ['ROUTE', 'SHADOW', 'VARIANT', 'STATE', 'PERCENT', 'CONSIDERED', 'COPIED', 'DROPPED']
  const [first = '', ...lines] = table([...head, 'FAILED', 'AGREE', 'LATENCY'], rows, [4, 5, 6])
  return [screen.paint('dim', first), ...lines]
}

/** What there is to say of one shadow beside its line: how it stands, and where to look next. */
export function shadowNotes(view: ShadowView): string[] {
  const { agreement, settings } = view
  const units = settings.sample === 'unit' ? 'units' : 'requests'
  const look = `sluice shadow diff ${view.route} ${view.shadow}`
  return [
    '',
    ...standLines(view),
    `copies ${percent(settings.percent)} of ${units}, bodies up to ${settings.maxBody} bytes; ${settings.concurrency} at once, ${settings.timeout} ms each`,
    ...(agreement === null ? [NO_ANSWER] : []),
    ...(agreement === null
      ? []
      : differences(view, agreement).map(text => clean(`${text}: ${look}`)))
  ]
}

function differences(view: ShadowView, agreement: AgreementView): string[] {
  const { more } = verdictOf(agreement)
  const open = openText(view, agreement)
  return [
    ...(more.length === 0 ? [] : [`${fields(more.length)} more than noise`]),
    ...(open === null ? [] : [open])
  ]
}

/** Why nobody can say of some fields whether they differ more than noise; null when that can be said of all. */
export function openText({ settings }: ShadowView, agreement: AgreementView): string | null {
  const { enough, noisePairs, open } = verdictOf(agreement)
  if (open.length === 0) return null
  const pairs = noisePairs === 1 ? '1 noise pair' : `${noisePairs} noise pairs`
  const so = noisePairs === 0 ? 'without noise pairs' : `with ${pairs}, of about ${enough} needed,`
  const why = settings.noise === 0 ? '; noise of this shadow is 0' : ''
  return `${fields(open.length)}, and ${so} nobody can say whether more than the champion from itself${why}`
}

/** Which state of the route works where, and what holds the shadow. */
export function standLines({ applied, revision, state, variant }: ShadowView): string[] {
  return [
    clean(`revision ${revision}, ${applied.threads} of ${applied.of} data threads work with it`),
    ...(state === 'live' ? [clean(PAUSED.replace('%s', variant))] : [])
  ]
}

/** What differs most, field by field, with examples. */
export function diffLines(view: ShadowView, agreement: AgreementView, screen: Screen): string[] {
  const { pairs, compared, refused } = agreement
  const not = sum(refused) === 0 ? '' : `; bodies not compared: ${countsText(refused)}`
  const shown = agreement.fields.slice(0, MOST_FIELDS)
  const rest = agreement.fields.length - shown.length
  return [
    screen.paint('bold', clean(`${view.route}  ${view.shadow}  ${view.variant} and the champion`)),
    clean(`${pairs} pairs, ${compared} compared${not}`),
    `agreement ${shareText(agreement.overall)}; latency ${latencyText(agreement) || 'unknown'}`,
    ...missedLines(view, agreement),
    '',
    ...fieldLines(shown, verdictOf(agreement).open, screen),
    ...(rest > 0 ? [`and ${fields(rest)} less; --json has all`] : []),
    ...exampleLines(agreement, shown)
  ]
}

function missedLines({ settings }: ShadowView, { noiseMissed }: AgreementView): string[] {
  const missed = countsText(noiseMissed)
  if (missed === '') return []
  return [
    `of some noise pairs the champion's second answer is not known: ${missed}; it has ${settings.timeout} ms, as a copy has`
  ]
}

const PAUSED = 'it pauses, because %s has traffic of its own; whileLive: true would let it go on'
export const NO_ANSWER = 'what the pairs say is not known: the shadow process does not answer'

function fieldLines(
  all: readonly FieldAgreement[],
  open: readonly FieldAgreement[],
  screen: Screen
): string[] {
  if (all.length === 0) return ['no field was compared']
  const rows = all.map(field => [
    field.reported ? '!' : open.includes(field) ? '?' : '',
    field.field,
    shareText(field),
    countsText(field.kinds),
    meanText(field),
    `${field.noise.differs} of ${field.noise.of}`,
    `${field.noise.onlyShadow} to ${field.noise.onlyNoise}`,
    field.noise.p === null ? '' : field.noise.p.toPrecision(2)
  ])
  const [head = '', ...lines] = table(
    ['', 'FIELD', 'AGREE', 'DIFFERS BY', 'MEAN', 'NOISE', 'SHADOW TO NOISE', 'P'],
    rows
  )
  return [
    screen.paint('dim', head),
    ...lines.map((line, i) => (all[i]?.reported ? screen.paint('red', line) : line))
  ]
}

function exampleLines({ exemplars }: AgreementView, shown: readonly FieldAgreement[]): string[] {
  const rows = shown.flatMap(({ field }) => {
    const found = Object.hasOwn(exemplars, field) ? (exemplars[field] ?? []) : []
    return found.slice(0, MOST_EXAMPLES).map(({ requestId, at, kind, primary, shadow }) => {
      const values =
        primary === null && shadow === null ? '' : `${primary ?? ''} -> ${shadow ?? ''}`
      return [field, at, requestId, kind, values]
    })
  })
  if (rows.length === 0) return []
  return ['', ...table(['EXAMPLE OF', 'AT', 'REQUEST', 'KIND', 'CHAMPION -> SHADOW'], rows)]
}

function agreementText({ agreement, settings }: ShadowView): string {
  if (!settings.compare) return 'not compared'
  return agreement === null ? 'unknown' : shareText(agreement.overall)
}

/** `97.2 % (96.1 to 98 %, 1180 pairs)`. */
function shareText({ ratio, low, high, of }: Share): string {
  if (ratio === null) return 'no pairs'
  const interval =
    low === null || high === null ? '' : `${number(low * 100)} to ${percent(high * 100)}, `
  return `${percent(ratio * 100)} (${interval}${of} pair${of === 1 ? '' : 's'})`
}

/** `1.12 times (1.1 to 1.15)`, as long as the champion. */
function latencyText(agreement: AgreementView | null): string {
  const { ratio = null, low = null, high = null } = agreement?.latency ?? {}
  if (ratio === null) return ''
  const interval = low === null || high === null ? '' : ` (${number(low)} to ${number(high)})`
  return `${number(ratio)} times${interval}`
}

function meanText({ meanDifference, meanLow, meanHigh }: FieldAgreement): string {
  if (meanDifference === null) return ''
  const interval =
    meanLow === null || meanHigh === null
      ? ''
      : ` (${meanLow.toPrecision(3)} to ${meanHigh.toPrecision(3)})`
  return `${meanDifference.toPrecision(3)}${interval}`
}

/** Those above 0, the largest first: `sampled_out 90, size 3`. */
function countsText(
  counts: Readonly<Record<string, number>>,
  without: readonly string[] = []
): string {
  return Object.entries(counts)
    .filter(([name, count]) => count > 0 && !without.includes(name))
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
}

function fields(n: number): string {
  return n === 1 ? '1 field differs' : `${n} fields differ`
}

function number(value: number): string {
  return String(Number(value.toFixed(2)))
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((a, b) => a + b, 0)
}
