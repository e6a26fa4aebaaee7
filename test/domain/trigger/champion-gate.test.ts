import { test } from 'tap'
import type { Counters } from '../../../src/domain/counts.ts'
import { ChampionGate } from '../../../src/domain/trigger/champion-gate.ts'
import { ChampionView } from '../../../src/domain/trigger/champion-view.ts'
import { freshCounters, request } from '../../helpers/observation.ts'

const send = (c: Counters, n: number, at: number, good: boolean) => {
  for (let i = 0; i < n; i++) {
    request(c, { outcome: good ? 'ok' : 'connect', sentAt: at, endedAt: at + 20 })
  }
}

/** A gate over two arms; `ask` says how the challenger's first failure of the last calls moves on. */
function scene() {
  const [champion, challenger] = [freshCounters(), freshCounters()]
  const view = new ChampionView(0)
  const past = freshCounters()
  view.answers.close([past])
  send(past, 1000, 1000, true)
  view.answers.close([past])
  const gate = new ChampionGate()
  const ask = (now: number, firstFailureAt: number, notable = true) => {
    const question = { trigger: 'gross', well: 0, firstFailureAt, slaMs: null, notable } as const
    return gate.ask(question, [champion], [challenger], view, now).state
  }
  return { champion, challenger, gate, ask }
}

test('a question keeps the failure it began with when later calls push it out of the evidence', async t => {
  const { champion, challenger, gate, ask } = scene()
  send(challenger, 20, 100_000, false)
  send(champion, 3, 100_100, true)
  t.equal(ask(100_700, 100_000), 'wait')
  t.equal(gate.waits, true)
  send(challenger, 20, 102_000, false)
  send(champion, 2, 101_500, true)
  t.equal(ask(102_500, 101_900), 'well', 'three and two')
  t.equal(gate.waits, false)
})

test('a question is forgotten when nobody asks it any more', async t => {
  const { challenger, champion, gate, ask } = scene()
  send(challenger, 20, 100_000, false)
  send(champion, 1, 100_100, true)
  ask(100_700, 100_000)
  gate.keep([{ trigger: 'errors' }])
  t.equal(gate.waits, false)
})

test('a lucky second does not make a champion well when it was unwell just before', async t => {
  const { champion, challenger, ask } = scene()
  send(challenger, 20, 100_000, false)
  send(champion, 40, 100_100, false)
  t.equal(ask(101_000, 100_000), 'unwell')
  send(challenger, 20, 102_000, false)
  send(champion, 6, 102_100, true)
  t.equal(ask(103_000, 102_000), 'unwell', 'all of the incident counts')
  t.equal(ask(103_000 + 70_000, 102_000 + 70_000), 'unknown', 'over after a minute')
})

test('an answer is no incident when the failures may have been chance', async t => {
  const { champion, challenger, ask } = scene()
  send(challenger, 20, 100_000, false)
  send(champion, 40, 100_100, false)
  t.equal(ask(101_000, 100_000, false), 'unwell')
  send(challenger, 20, 102_000, false)
  send(champion, 6, 102_100, true)
  t.equal(ask(103_000, 102_000), 'well')
})
