/**
 * What does the gate cost: every field of a request head classed, checked and copied for the upstream?
 */
import { gate } from '../../src/data-plane/gate.ts'
import { micro } from './micro.ts'

const SMALL = [
  ...['Host', 'router.test', 'Content-Type', 'application/json', 'Content-Length', '200'],
  ...['Connection', 'keep-alive', 'X-User-Id', 'user-4711']
]
const BROWSER = [
  ...SMALL,
  ...['Accept', 'application/json', 'Accept-Encoding', 'gzip, deflate, br', 'User-Agent', 'x/1.0'],
  ...[
    'Accept-Language',
    'de,en;q=0.7',
    'Origin',
    'https://app.test',
    'Referer',
    'https://app.test/'
  ],
  ...['Cookie', 'a=1; session=0123456789abcdef', 'X-Forwarded-For', '203.0.113.7', 'DNT', '1'],
  ...[
    'Sec-Fetch-Mode',
    'cors',
    'Sec-Fetch-Site',
    'same-site',
    'traceparent',
    `00-${'a'.repeat(49)}`
  ]
]

function through(rawHeaders: readonly string[]) {
  const raw = { method: 'POST', target: '/v1/predict?x=1', version: '1.1', rawHeaders }
  return (calls: number) => {
    let sum = 0
    for (let i = 0; i < calls; i++) {
      const head = gate(raw, 'sluice')
      sum += head.kind === 'head' ? head.fields.length : 1000
    }
    return sum
  }
}

micro('gate', 'What does it cost to check and copy the head of a request?', [
  { name: `${SMALL.length / 2} fields`, run: through(SMALL) },
  { name: `${BROWSER.length / 2} fields`, run: through(BROWSER) }
])
