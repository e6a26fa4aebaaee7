/** The figures that took a challenger out, as status shows them while the rollback is in force. */
import { test } from 'tap'
import { decidedFigures } from '../../src/cli/decided-figures.ts'
import { statusLines } from '../../src/cli/route-status.ts'
import type { Screen } from '../../src/cli/screen.ts'
import type { RouteView, TriggerView } from '../../src/ports.ts'

const AT = '2026-01-02T03:04:05.000Z'

const PLAIN: Screen = {
  terminal: false,
  line: () => undefined,
  note: () => undefined,
  json: () => undefined,
  paint: (_style, text) => text,
  closed: new Promise(() => undefined),
  clear: () => undefined
}

const ARMED: TriggerView = {
  variant: 'v4',
  trigger: 'latency',
  state: 'armed',
  logEvidence: 0.25,
  threshold: 22.15,
  phi: 1,
  ratio: null,
  n: 7,
  x: 1,
  since: AT
}

function rolledBack(evidence: Readonly<Record<string, unknown>> | null, trigger = 'errors') {
  const view: RouteView = {
    schema: 1,
    route: 'fraud',
    epoch: 2,
    revision: 5,
    salt: 'fraud.0',
    phase: 'rolled-back',
    champion: 'v3',
    challengers: {
      v4: {
        rolloutId: 'ro-1',
        ranges: [],
        paused: null,
        rollback: {
          id: 'rb-1',
          trigger,
          by: `trigger:${trigger}`,
          at: AT,
          reason: 'Bad.',
          evidence
        }
      }
    },
    rollout: null,
    registry: {},
    shadows: {},
    by: 'x',
    at: AT,
    previous: '',
    weights: { v3: 100, v4: 0 },
    actualWeights: { v3: 100, v4: 0 },
    ranges: { v3: [[0, 10_000]], v4: [] },
    triggers: [],
    fleetTriggers: [],
    replicas: { applied: 1, of: 1 },
    quarantined: {},
    failing: {},
    stale: false
  }
  return view
}

const COUNTED = {
  test: 'ratio',
  challenger: { requests: 60, failures: 41 },
  champion: { requests: 2_000, failures: 3, frozen: false },
  ratio: 456.3,
  logEvidence: { above: 25.03, strongRatio: 20, pause: 25, floor: 24, share: 23 },
  threshold: 22.15,
  phi: 1.5,
  windowMs: 60_000
}

test('shows the line of the trigger as it was, and the champion then, when it was rolled back', t => {
  const [head = '', row = '', against = ''] = statusLines(rolledBack(COUNTED), PLAIN, true)
    .slice(4)
    .filter(line => line !== '')
  t.match(head, /VARIANT +TRIGGER +STATE +EVIDENCE +THRESHOLD +FAILED +RATIO +PHI +SINCE/)
  t.match(row, /^ {2}v4 +errors +rolled back +25\.03 +22\.15 +41 of 60 +456\.30 +1\.50 +\d+ d ago$/)
  t.match(against, /^ {4}champion +errors +as it was +3 of 2000 +\d+ d ago$/)
  t.end()
})

test('has them in the short form too, and nothing armed of that challenger, when status is asked', t => {
  const view = { ...rolledBack(COUNTED), triggers: [ARMED, { ...ARMED, variant: 'v5' }] }
  const short = statusLines(view, PLAIN, false).join('\n')
  t.match(
    short,
    /^ {2}v4 +challenger +0 % +0 % +rolled back: errors 25\.0 of 22\.1\d? \(41 of 60\)$/m
  )
  const full = statusLines(view, PLAIN, true).join('\n')
  t.notMatch(full, /^ {2}v4 +latency/m, 'what the last tick said of it')
  t.match(full, /^ {2}v5 +latency +armed/m)
  t.end()
})

test('gives the evidence of the test that decided when several have some', t => {
  const of = (test: string) => decidedFigures(rolledBack({ ...COUNTED, test }))[0]?.evidence
  t.equal(of('ratio'), 25.03)
  t.equal(of('strong-ratio'), 20)
  t.equal(of('share'), 23, 'both must be reached')
  t.end()
})

test('gives failures of the last calls when gross failure decided, and seconds when absence did', t => {
  const gross = {
    test: 'errors',
    challenger: { requests: 12, failures: 9 },
    champion: { share: 0.01 },
    limit: 8,
    windowMs: 2_000
  }
  t.match(decidedFigures(rolledBack(gross, 'gross')), [
    {
      trigger: 'gross',
      evidence: 9,
      threshold: 8,
      failed: 9,
      of: 12,
      champion: null,
      since: '2026-01-02T03:04:03.000Z'
    }
  ])
  const absence = { waitedMs: 31_500, limitMs: 30_000, pending: 8, verdict: 'absent' }
  t.match(decidedFigures(rolledBack(absence, 'absence')), [
    { trigger: 'absence', evidence: 31.5, threshold: 30, failed: 8, of: 8 }
  ])
  t.end()
})

test('takes those of this replica when a quorum decided, and none when it was no part of it', t => {
  const quorum = { scope: 'fleet', test: 'quorum', own: COUNTED }
  t.match(decidedFigures(rolledBack(quorum)), [{ failed: 41, of: 60 }])
  t.same(decidedFigures(rolledBack({ ...quorum, own: null })), [])
  t.end()
})

test('shows nothing that is not there when an operator decided or the evidence is strange', t => {
  const none = statusLines(rolledBack(null, 'operator'), PLAIN, true).join('\n')
  t.match(none, /^ {2}v4 +challenger +0 % +0 % +rolled back$/m)
  t.notMatch(none, 'THRESHOLD')
  for (const strange of [{}, { challenger: 7 }, { challenger: null }, { waitedMs: 'x' }]) {
    t.same(decidedFigures(rolledBack(strange)), [])
  }
  const half = statusLines(rolledBack({ challenger: {}, limit: 'a' }), PLAIN, true).join('\n')
  t.match(half, /^ {2}v4 +errors +rolled back/m)
  const view = rolledBack(COUNTED)
  const { v4 } = view.challengers
  if (!v4?.rollback) throw new Error('no rollback')
  const challengers = { v4: { ...v4, rollback: { ...v4.rollback, at: 'then' } } }
  t.match(statusLines({ ...view, challengers }, PLAIN, true).join('\n'), 'at an unknown time')
  t.end()
})
