/**
 * The three root paths, for load balancers and Prometheus: no token, no Host list, on the telemetry listener too.
 *
 * Ready while a usable snapshot exists: an outage of a store with a good local state must not empty a pool.
 */
import { type Call, call } from '../call.ts'
import { Live, PlainText, Ready } from '../schemas.ts'

export const rootCalls: readonly Call[] = [
  call({
    method: 'GET',
    url: '/healthz',
    role: null,
    summary: 'Whether the process lives',
    answers: { 200: { what: 'It does', schema: Live } },
    answer: () => ({ status: 200, body: { status: 'live' } })
  }),
  call({
    method: 'GET',
    url: '/readyz',
    role: null,
    summary: 'Whether it should get traffic',
    description: 'Says why not, and what works only in part.',
    answers: {
      200: { what: 'Ready', schema: Ready },
      503: { what: 'Not ready, with the reasons', schema: Ready }
    },
    answer: ({ control }) => {
      const state = control.ready()
      return { status: state.ready ? 200 : 503, body: state }
    }
  }),
  call({
    method: 'GET',
    url: '/metrics',
    role: null,
    summary: 'All metrics as Prometheus text',
    answers: { 200: { what: 'Prometheus text format 0.0.4', schema: PlainText } },
    answer: async ({ control }) => ({
      status: 200,
      body: await control.metrics(),
      type: 'text/plain; version=0.0.4; charset=utf-8'
    })
  })
]
