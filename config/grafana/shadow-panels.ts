/**
 * Panels of shadows: do they get their copies, how do the copies end, do the answers agree, do events go out.
 */
import { lines } from './panels.ts'
import { FLEET, ROUTE, rate } from './queries.ts'

export const shadows = [
  lines(
    ['Agreement', 'Share of pairs whose fields agree, the worst field of each shadow.'],
    [
      {
        expr: `min by (route, shadow) (sluice_shadow_agreement_ratio{${ROUTE}})`,
        legend: '{{route}} {{shadow}}'
      }
    ],
    { unit: 'percentunit', width: 12 }
  ),
  lines(
    ['Copies by outcome', 'Of shadows alone: nothing of it is in the figures of their variants.'],
    [
      {
        expr: `sum by (route, shadow, outcome) (${rate('sluice_shadow_requests_total', ROUTE)}) > 0`,
        legend: '{{route}} {{shadow}} {{outcome}}'
      }
    ],
    { unit: 'reqps', width: 12 }
  ),
  lines(
    ['Not copied, by reason', 'What the sample and the switch left out on purpose is not shown.'],
    [
      {
        expr: `sum by (route, shadow, reason) (${rate('sluice_shadow_dropped_total', `${ROUTE},reason!~"sampled_out|off|live"`)}) > 0`,
        legend: '{{route}} {{shadow}} {{reason}}'
      }
    ],
    { unit: 'reqps', width: 12 }
  ),
  lines(
    ['Events lost, by reason', 'Of those that were to go to the file or the brokers.'],
    [
      {
        expr: `sum by (topic, reason) (${rate('sluice_events_dropped_total', FLEET)}) > 0`,
        legend: '{{topic}} {{reason}}'
      }
    ],
    { unit: 'ops', width: 12 }
  )
]
