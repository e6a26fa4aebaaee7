import { test } from 'tap'
import {
  basisPoints,
  parseDuration,
  parsePercent,
  parseSize,
  showDuration
} from '../../src/config/quantities.ts'

test('reads durations in whole milliseconds when they carry a unit', t => {
  t.same(
    ['0s', '250ms', '10s', '1.5s', '5m', '2h', '14d', '0.001s'].map(parseDuration),
    [0, 250, 10_000, 1_500, 300_000, 7_200_000, 1_209_600_000, 1]
  )
  const wrong = [
    '',
    '10',
    '10 s',
    '-1s',
    '1S',
    '1e3s',
    '01s',
    '1.s',
    '.5s',
    '1s\n',
    's',
    '1w',
    '٣s'
  ]
  t.same(
    wrong.map(parseDuration),
    wrong.map(() => null)
  )
  t.end()
})

test('writes a duration as a person would when it is shown', t => {
  t.same([0, 250, 1_500, 60_000, 5_400_000, 86_400_000].map(showDuration), [
    '0ms',
    '250ms',
    '1500ms',
    '1m',
    '90m',
    '1d'
  ])
  t.end()
})

test('reads sizes in bytes when they carry a binary unit', t => {
  t.same(
    ['0B', '512B', '16KiB', '32MiB', '1GiB'].map(parseSize),
    [0, 512, 16_384, 33_554_432, 1_073_741_824]
  )
  const wrong = ['1', '1KB', '1kib', '1.5MiB', '-1B', '1 MiB', '']
  t.same(
    wrong.map(parseSize),
    wrong.map(() => null)
  )
  t.end()
})

test('reads limits as shares when they carry the sign', t => {
  t.same(
    ['0%', '1%', '0.5%', '99.9999%', '100%', '100.0%'].map(parsePercent),
    [0, 0.01, 0.005, 0.999999, 1, 1]
  )
  const wrong = ['1', '101%', '100.1%', '-1%', '1 %', '%', '1e1%', '']
  t.same(
    wrong.map(parsePercent),
    wrong.map(() => null)
  )
  t.end()
})

test('counts a weight in basis points exactly when no float could', t => {
  t.same(
    [0, 0.01, 0.07, 0.29, 1.1, 4.35, 33.33, 57.89, 99.99, 100].map(basisPoints),
    [0, 1, 7, 29, 110, 435, 3333, 5789, 9999, 10_000]
  )
  const wrong = [-1, -0.01, 100.01, 0.001, 33.333, 1e-7, 1e21, Number.NaN, Number.POSITIVE_INFINITY]
  t.same(
    wrong.map(basisPoints),
    wrong.map(() => null)
  )
  for (let points = 0; points <= 10_000; points++) {
    if (basisPoints(points / 100) !== points) t.fail(`${points / 100} is ${points} basis points`)
  }
  t.end()
})
