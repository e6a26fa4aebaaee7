/**
 * The load generator as a program of its own, so that its work is in nobody's CPU time: an open model at a
 * fixed rate (autocannon corrects latencies for coordinated omission), keep-alive connections, small JSON POSTs
 * of many units. Prints one line of JSON: requests, latencies in ms, failures.
 */
import { parseArgs } from 'node:util'
import autocannon from 'autocannon'

// Few enough that building their requests for each connection is not the p99 of a short run.
const UNITS = 64
/** 200 bytes, the size of a small tabular prediction request. */
const BODY = JSON.stringify({
  inputs: [{ name: 'x', shape: [1, 8], datatype: 'FP32', data: Array(8).fill(0.125) }],
  parameters: { pad: 'p'.repeat(75) }
})

const { values } = parseArgs({
  options: {
    url: { type: 'string', default: '' },
    path: { type: 'string', default: '/v1/predict' },
    rate: { type: 'string', default: '0' }, // 0 = as fast as it goes
    seconds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '32' },
    warm: { type: 'string', default: '1' } // seconds before, in the count but not in the latencies
  }
})

const rate = Number(values.rate)
const options = {
  url: values.url,
  connections: Number(values.connections),
  ...(rate > 0 && { overallRate: rate }),
  timeout: 10,
  requests: Array.from({ length: UNITS }, (_, i) => ({
    method: 'POST',
    path: values.path,
    headers: {
      host: 'router.test',
      'content-type': 'application/json',
      'x-user-id': `user-${i}`
    },
    body: BODY
  }))
}
// Its own first second (compiling, connecting) would be the p99 of a short run.
const warm = Number(values.warm)
const first = warm > 0 ? [await autocannon({ ...options, duration: warm })] : []
const result = await autocannon({ ...options, duration: Number(values.seconds) })
console.log(
  JSON.stringify({
    requests: [...first, result].reduce((n, r) => n + r.requests.total, 0),
    rate: result.requests.total / result.duration,
    p50: result.latency.p50,
    p99: result.latency.p99,
    failures: [...first, result].reduce((n, r) => n + r.errors + r.timeouts + r.non2xx, 0)
  })
)
