/**
 * The story of the shadow's demo, told in lines: one a second while it runs, and at the end what was found about the
 * models and what it cost the users. Or the same as NDJSON for machines.
 */
import type { AgreementView, FieldAgreement, Share } from '../src/domain/compare/agreement.ts'
import type { ShadowView } from '../src/ports.ts'
import type { Found } from './pair-place.ts'
import { ROUTE, SHADOW } from './router.ts'
import type { Moved, Windows } from './shadow-windows.ts'
import type { Look } from './story.ts'
import type { VariantSeconds } from './tally.ts'

export type ShadowSecond = {
  readonly second: number
  readonly view: ShadowView
  readonly seen: VariantSeconds // by users
  readonly failed: number // requests of users, since the start
}

export type ShadowEnding = {
  readonly considered: number
  readonly copied: number
  readonly dropped: Readonly<Record<string, number>> // by reason
  readonly outcomes: Readonly<Record<string, number>> // of copies
  readonly place: 'kafka' | 'file'
  readonly found: Found
  readonly agreement: AgreementView
  readonly windows: Windows
  readonly requests: number // of users
  readonly failed: number
}

export type ShadowStory = {
  started(what: { readonly rps: number; readonly users: number; readonly place: string }): void
  second(at: ShadowSecond): void
  /** What there is where something that was promised did not happen. */
  figures(ending: ShadowEnding): void
  ended(ending: ShadowEnding, look: Look): void
  failed(why: string): void
}

const HEAD =
  '   s   shadow   req/s v3   failed   p99 ms   pairs   they agree (95 %)       v4 takes   differs most'
const MOST_FIELDS = 5

export function shadowToldTo(write: (line: string) => void): ShadowStory {
  const figures = (ending: ShadowEnding) => {
    for (const line of endingLines(ending)) write(line)
  }
  return {
    started({ rps, users, place }) {
      write(
        `v3 answers all of ${users} users; v4, trained again, gets copies and its answers go to nobody.`
      )
      write(`${rps} requests a second in an open model; every process here is a real one.`)
      write(`Pairs of answers go to ${place}.`)
      write(
        'The shadow is switched off and on in turns, so that users are measured without and with it.'
      )
      write('')
      write(HEAD)
    },
    second: at => write(secondLine(at)),
    figures,
    ended(ending, look) {
      figures(ending)
      for (const line of lookLines(look)) write(line)
    },
    failed: why => write(`\nThe demo did not show what it should: ${why}`)
  }
}

export function shadowAsJson(write: (line: string) => void): ShadowStory {
  const say = (event: string, fields: object) => write(JSON.stringify({ event, ...fields }))
  return {
    started: what => say('started', what),
    second: ({ second, view, seen, failed }) => {
      const { on, state, applied, considered, dropped, outcomes, agreement } = view
      const { pairs = 0, overall = null, latency = null } = agreement ?? {}
      const counts = { considered, dropped, outcomes, pairs }
      say('second', { second, on, state, applied, ...counts, overall, latency, seen, failed })
    },
    figures: ending => say('figures', ending),
    ended: ending => say('summary', { shown: true, ...ending }),
    failed: why => say('summary', { shown: false, why })
  }
}

function secondLine({ second, view, seen, failed }: ShadowSecond): string {
  const { agreement } = view
  const top = agreement?.fields.find(field => field.agree < field.of)
  return [
    String(second).padStart(4),
    view.state.padStart(6),
    String(Math.round(seen.rate)).padStart(9),
    String(failed).padStart(7),
    (seen.p99 === null ? '-' : seen.p99.toFixed(1)).padStart(7),
    String(agreement?.pairs ?? '-').padStart(6),
    (agreement === null ? '-' : shareText(agreement.overall)).padEnd(21),
    (agreement === null ? '-' : timesText(agreement.latency.ratio)).padStart(8),
    top === undefined ? '' : ` ${top.field} ${percent(1 - (top.ratio ?? 1))}`
  ].join('  ')
}

function endingLines(e: ShadowEnding): string[] {
  const { overall, latency, compared, pairs, refused } = e.agreement
  const fields = e.agreement.fields.filter(field => field.agree < field.of).slice(0, MOST_FIELDS)
  const unread = pairs - compared
  return [
    '',
    `Of ${pairs} pairs, the models agree on ${shareText(overall)} of the answers.`,
    ...(unread > 0 ? [`  not compared: ${unread} (${countsText(refused)})`] : []),
    ...fields.flatMap(field => fieldLines(field, e.agreement)),
    '',
    `  what v4 takes, over what v3 takes   ${timesText(latency.ratio)} (95 %: ${timesText(latency.low)} to ${timesText(latency.high)}), paired`,
    `  copies and pairs                    ${e.considered} requests = ${e.copied} copied (${countsText(e.outcomes)}) + not copied: ${countsText(e.dropped)}`,
    `  recorded                            ${recordedText(e)}`,
    `                                      ${e.found.where}`,
    `  p50 of users, without and with      ${movedText(e.windows.p50)}`,
    `  p99 of users, without and with      ${movedText(e.windows.p99)}`,
    `                                      ${verdict(e.windows)}`,
    `  the machine was busy                ${percent(e.windows.busy.off)} without and ${percent(e.windows.busy.on)} with, all processes of the demo on it`,
    `  failed requests of users            ${e.failed} of ${e.requests}`,
    ''
  ]
}

function fieldLines(field: FieldAgreement, { exemplars }: AgreementView): string[] {
  const { noise, kinds } = field
  const twice = `the champion differs from itself in ${noise.differs} of ${noise.of}`
  const p = noise.p === null ? '' : `, p = ${noise.p.toPrecision(1)}`
  const more = field.reported ? 'more than noise' : 'not shown to be more than noise'
  const [example] = exemplars[field.field] ?? []
  return [
    `  ${field.field}: ${percent(1 - (field.ratio ?? 1))} differ (${countsText(kinds)}); ${more}: ${twice}${p}`,
    ...(example === undefined || example.primary === null
      ? []
      : [`    for example v3 ${example.primary}, v4 ${example.shadow}`])
  ]
}

function recordedText({ found, copied, place }: ShadowEnding): string {
  const again = found.records - (found.pairs ?? copied)
  const twice = again > 0 ? `, ${again} of them a second time` : ', each once'
  return place === 'file'
    ? `${found.records} pairs in the file of events${twice}`
    : `${found.records} messages for ${copied} pairs`
}

function movedText({ off, on, ratio, low, high }: Moved): string {
  return `${off.toFixed(2)} and ${on.toFixed(2)} ms; ratio ${ratio.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`
}

/** In words, for as many pairs of windows as there are. */
function verdict({ pairs, p99 }: Windows): string {
  const over = `medians and quartiles over ${pairs} pairs of windows`
  if (p99.every === null) return `${over}: the p99 of users did not move`
  return `${over}: the p99 of users was ${p99.every} with the shadow, in every pair`
}

function lookLines({ adminUrl, tokenFile, dataUrl, keep }: Look): string[] {
  if (!keep)
    return [
      'npm run demo -- --shadow --keep leaves it running and its files in place, with the commands to look around.'
    ]
  const sluice = (words: string) =>
    `  bin/sluice.js ${words} --admin ${adminUrl} --token-file ${tokenFile}`
  return [
    'It is still running; Ctrl-C ends it. From another terminal:',
    sluice('shadow status'),
    sluice(`shadow diff ${ROUTE} ${SHADOW}`),
    sluice(`shadow off ${ROUTE} ${SHADOW}`),
    `  curl -s ${adminUrl}/metrics | grep sluice_shadow (users are at ${dataUrl})`
  ]
}

function shareText({ ratio, low, high }: Share): string {
  if (ratio === null || low === null || high === null) return '-'
  return `${percent(ratio)} (${percent(low)} to ${percent(high)})`
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

function timesText(ratio: number | null): string {
  return ratio === null ? '-' : `${ratio.toFixed(2)} x`
}

/** The largest first; none where there is nothing. */
function countsText(counts: Readonly<Record<string, number>>): string {
  const some = Object.entries(counts).filter(([, count]) => count > 0)
  if (some.length === 0) return 'none'
  return some
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
}
