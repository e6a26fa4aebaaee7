/**
 * Panels of the routers and what is around them: what wants a person now, shared state, upstreams, processes.
 */
import { bars, lines, number } from './panels.ts'
import { BY_VARIANT, FLEET, INSTANCE, ROUTE, rate, VARIANT } from './queries.ts'

export const now = [
  number(
    [
      'Rolled back',
      'Routes with a rollback that holds. Clear it by its id when the cause is known.'
    ],
    `count(max by (route) (sluice_route_phase{${ROUTE},phase="rolled-back"}) == 1) or vector(0)`,
    { limit: 1 }
  ),
  number(
    ['Paused', 'Challengers whose raises are refused.'],
    `count(max by (route, variant) (sluice_paused{${ROUTE}}) == 1) or vector(0)`,
    { limit: 1 }
  ),
  number(
    ['Quarantined', 'Challengers that are out on one router alone.'],
    `sum(sluice_quarantined{${ROUTE}}) or vector(0)`,
    { limit: 1 }
  ),
  number(
    ['Nearest trigger', 'Evidence over threshold, of the trigger that is nearest to acting.'],
    `max(sluice_trigger_log_evidence{${ROUTE}} / (sluice_trigger_log_threshold{${ROUTE}} > 0)) or vector(0)`,
    { limit: 0.7, unit: 'percentunit' }
  ),
  number(['Routers down', 'Targets that do not answer.'], `count(up{${FLEET}} == 0) or vector(0)`, {
    limit: 1
  }),
  number(
    ['Routes apart', 'Routes of which two routers have different revisions.'],
    `count(max by (route) (sluice_route_epoch{${ROUTE}}) != min by (route) (sluice_route_epoch{${ROUTE}})
  or max by (route) (sluice_route_revision{${ROUTE}}) != min by (route) (sluice_route_revision{${ROUTE}}))
  or vector(0)`,
    { limit: 1 }
  )
]

export const state = [
  lines(
    ['Age of the state', 'Since the shared store answered; 0 where the state is in a file.'],
    [{ expr: `max by (instance) (sluice_state_age_seconds{${FLEET}})`, legend: INSTANCE }],
    { unit: 's', limit: 10, width: 12 }
  ),
  lines(
    [
      'Replicas',
      'That share a route and were there in the last seconds, and how many have the revision of this one.'
    ],
    [
      { expr: `sluice_replicas{${ROUTE}}`, legend: '{{route}} {{instance}} there' },
      { expr: `sluice_replicas_applied{${ROUTE}}`, legend: '{{route}} {{instance}} applied' }
    ],
    { stepped: true, width: 12 }
  ),
  lines(
    [
      'Epoch and revision',
      'The lines of one route lie on each other but for a second after a change.'
    ],
    [
      { expr: `sluice_route_epoch{${ROUTE}}`, legend: '{{route}} {{instance}} epoch' },
      { expr: `sluice_route_revision{${ROUTE}}`, legend: '{{route}} {{instance}} revision' }
    ],
    { stepped: true, width: 12 }
  ),
  lines(
    ['Failed reads and writes of state', 'By reason; what was accepted before is not lost.'],
    [
      {
        expr: `sum by (instance, reason) (${rate('sluice_state_errors_total', FLEET)})`,
        legend: '{{instance}} {{reason}}'
      }
    ],
    { unit: 'ops', width: 12 }
  )
]

export const upstreams = [
  bars(
    ['Upstreams', 'Healthy on every router, or out on at least one.'],
    [
      {
        expr: `min by (route, variant, upstream) (sluice_upstream_healthy{${ROUTE}})`,
        legend: `${VARIANT} {{upstream}}`
      }
    ],
    'healthy',
    'out'
  ),
  lines(
    ['Failed attempts at upstreams', 'Also those that another upstream made good.'],
    [
      {
        expr: `sum by (route, variant, reason) (${rate('sluice_upstream_errors_total', ROUTE)}) > 0`,
        legend: `${VARIANT} {{reason}}`
      }
    ],
    { unit: 'ops' }
  ),
  lines(
    ['In flight', 'Requests that are being answered, over all routers.'],
    [{ expr: `${BY_VARIANT} (sluice_requests_in_flight{${ROUTE}})`, legend: VARIANT }]
  )
]

export const routers = [
  lines(
    [
      'Event loop delay',
      '99th percentile per thread; the tick of the control plane is due every 250 ms.'
    ],
    [
      {
        expr: `sluice_thread_event_loop_delay_seconds{${FLEET}}`,
        legend: '{{instance}} {{thread}}'
      }
    ],
    { unit: 's', limit: 0.2 }
  ),
  lines(
    ['CPU', 'Cores, per thread.'],
    [{ expr: rate('sluice_thread_cpu_seconds_total', FLEET), legend: '{{instance}} {{thread}}' }]
  ),
  lines(
    ['Resident memory', 'Of the router, and of the process beside it for shadows and events.'],
    [
      { expr: `sluice_process_resident_memory_bytes{${FLEET}}`, legend: '{{instance}} {{process}}' }
    ],
    { unit: 'bytes' }
  ),
  lines(
    ['Refused', 'Before a variant was chosen, for want of room, or without a unit.'],
    [
      {
        expr: `sum by (reason) (${rate('sluice_rejected_requests_total', FLEET)}) > 0`,
        legend: 'rejected {{reason}}'
      },
      {
        expr: `sum by (route, reason) (${rate('sluice_shed_total', ROUTE)}) > 0`,
        legend: 'shed {{route}} {{reason}}'
      },
      {
        expr: `sum by (route) (${rate('sluice_unit_missing_total', ROUTE)}) > 0`,
        legend: 'no unit {{route}}'
      }
    ],
    { unit: 'reqps' }
  ),
  lines(
    ['Client connections', 'Open now, and refused per second.'],
    [
      { expr: `sum by (instance) (sluice_connections{${FLEET}})`, legend: INSTANCE },
      {
        expr: `sum by (instance) (${rate('sluice_connections_shed_total', FLEET)})`,
        legend: '{{instance}} refused'
      }
    ]
  ),
  lines(
    [
      'Stalls and lost events',
      'A data thread that was late by more than 200 ms; events that were dropped.'
    ],
    [
      {
        expr: `sum by (instance) (${rate('sluice_thread_stalls_total', FLEET)})`,
        legend: '{{instance}} stalls'
      },
      {
        expr: `sum by (instance, reason) (${rate('sluice_events_dropped_total', FLEET)})`,
        legend: '{{instance}} dropped {{reason}}'
      }
    ],
    { unit: 'ops' }
  )
]
