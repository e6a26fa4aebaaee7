import { test } from 'tap'
import type { AnswerHeadFacts } from '../../../src/domain/payload/reading.ts'
import {
  damaged,
  type Random,
  randomChat,
  randomRows,
  randomTensors
} from '../../helpers/payload-documents.ts'
import { chatTruth, rowTruth, type Truth, tensorTruth } from '../../helpers/payload-oracle.ts'
import { headOf, readCut, verdict } from '../../helpers/payload-reading.ts'
import { seeded } from '../../helpers/seeded.ts'

const EMPTY: Truth = { verdict: 'empty', predictions: 0 }

/** A byte order mark at the start is no part of the text. */
const MARK = /^\u00ef\u00bb\u00bf/

const ROUNDS = 2500

const JSON_NAMES = [
  'predictions',
  'prediction',
  'outputs',
  'output',
  'result',
  'results',
  'scores',
  'score'
] as const
const V1_NAMES = ['predictions', 'result', 'results'] as const

/** The verdict on a document and how often the reader says something else than the oracle. */
function compare(
  head: AnswerHeadFacts,
  make: (random: Random) => string,
  truthOf: (source: string) => Truth,
  damage: boolean
): { readonly wrong: readonly string[]; readonly verdicts: ReadonlyMap<string, number> } {
  const wrong: string[] = []
  const verdicts = new Map<string, number>()
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const random = seeded(seed)
    const written = Buffer.from(make(random))
    const body = damage ? damaged(random, written) : written
    const source = Buffer.from(body).toString('latin1').replace(MARK, '')
    const truth = source.trim() === '' ? EMPTY : truthOf(source)
    const cuts = Array.from({ length: 3 }, () => Math.floor(random() * body.length)).sort(
      (a, b) => a - b
    )
    const reading = readCut(head, body, cuts)
    const said = verdict(reading)
    verdicts.set(truth.verdict, (verdicts.get(truth.verdict) ?? 0) + 1)
    if (truth.verdict === 'unparsable') {
      // what was found before the reader gave up stays
      if (said !== 'failed' && !said.includes('unparsable'))
        wrong.push(`${seed}: ${said}: ${source}`)
    } else if (
      said !== truth.verdict ||
      (said !== 'failed' && reading?.predictions !== truth.predictions)
    )
      wrong.push(
        `${seed}: ${said} ${reading?.predictions}, not ${truth.verdict} ${truth.predictions}: ${source}`
      )
  }
  return { wrong, verdicts }
}

for (const damage of [false, true]) {
  const when = damage ? 'when bytes of a document are damaged' : 'when documents are random'

  test(`agrees with a slow reader on plain JSON ${when}`, t => {
    const truth = (source: string) => rowTruth(source, JSON_NAMES, true)
    const { wrong, verdicts } = compare(
      headOf('json'),
      r => randomRows(r, JSON_NAMES),
      truth,
      damage
    )
    t.same(wrong.slice(0, 5), [])
    t.ok(verdicts.size > 6, [...verdicts].join(' '))
    t.end()
  })

  test(`agrees with a slow reader on rows of KServe V1 ${when}`, t => {
    const truth = (source: string) => rowTruth(source, V1_NAMES, false)
    const { wrong, verdicts } = compare(
      headOf('kserve-v1'),
      r => randomRows(r, V1_NAMES),
      truth,
      damage
    )
    t.same(wrong.slice(0, 5), [])
    t.ok(verdicts.size > 6, [...verdicts].join(' '))
    t.end()
  })

  test(`agrees with a slow reader on tensors ${when}`, t => {
    const { wrong, verdicts } = compare(
      headOf('open-inference'),
      randomTensors,
      tensorTruth,
      damage
    )
    t.same(wrong.slice(0, 5), [])
    t.ok(verdicts.size > 8, [...verdicts].join(' '))
    t.end()
  })

  test(`agrees with a slow reader on chat answers ${when}`, t => {
    const { wrong, verdicts } = compare(headOf('openai'), randomChat, chatTruth, damage)
    t.same(wrong.slice(0, 5), [])
    t.ok(verdicts.size > 3, [...verdicts].join(' '))
    t.end()
  })
}
