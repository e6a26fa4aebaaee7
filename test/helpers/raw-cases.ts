/**
 * The raw cases of the conformance tests: reading them from the fixtures, and the configuration that they are
 * run with (route `demo`, opaque, unit in x-user-id, stable 100, canary 0).
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Settings } from './sluice.ts'

export type RequestCase = {
  readonly id: string
  readonly what: string
  readonly raw_request_base64: string | null
  readonly segments?: readonly (readonly [string, number])[]
  readonly expect: {
    readonly status: readonly number[] // first final one; 0 = closed without an answer
    readonly forwarded: boolean | null
    readonly close?: boolean
    readonly upstream_absent_headers?: readonly string[]
    readonly upstream_present?: readonly string[]
    readonly upstream_requests?: number
  }
  readonly timing?: 'hold' | 'split'
  readonly delay_ms?: number
  readonly then?: 'fin' | 'rst'
  readonly then_base64?: string
  readonly upstream_must_not_complete?: boolean
  readonly note?: string
}

export type ResponseCase = {
  readonly id: string
  readonly what: string
  readonly raw_response_base64: string | null
  readonly then: 'fin' | 'rst' | 'hold'
  readonly hold_ms: number
  readonly expect: {
    readonly client_status: readonly number[]
    readonly clean_end: boolean
    readonly counted_as: 'ok' | 'error' | 'any' | null
  }
}

const FIXTURES = join(import.meta.dirname, '../fixtures')

export function requestCases(): readonly RequestCase[] {
  return casesOf<RequestCase>('http-requests-data.json')
}

export function responseCases(): readonly ResponseCase[] {
  return casesOf<ResponseCase>('http-responses.json')
}

/** The bytes of a request case; the large ones are stored as segments with a repeat. */
export function requestBytes(c: RequestCase): Buffer {
  if (c.raw_request_base64 !== null) return Buffer.from(c.raw_request_base64, 'base64')
  const parts = (c.segments ?? []).flatMap(([base64, repeat]) => {
    const part = Buffer.from(base64, 'base64')
    return part.length === 1 ? [Buffer.alloc(repeat, part)] : Array(repeat).fill(part)
  })
  return Buffer.concat(parts)
}

/** The configuration of the raw cases in front of one upstream; `route` overrides parts of the route. */
export function demoConfig(upstream: string, route: Settings = {}): Settings {
  return {
    threads: 1,
    admin: {
      tokens: [
        { id: 'operator', role: 'operator', env: 'CASE_OPERATOR_TOKEN' },
        { id: 'viewer', role: 'viewer', env: 'CASE_VIEWER_TOKEN' }
      ]
    },
    telemetry: { listen: '127.0.0.1:0' },
    routes: {
      demo: {
        match: { hosts: ['router.test'], paths: ['/v1/predict', '/v1/predict/'] },
        protocol: 'opaque',
        hashOn: [{ header: 'x-user-id' }],
        variants: { stable: { upstreams: [upstream] }, canary: { upstreams: [upstream] } },
        champion: 'stable',
        initialWeights: { stable: 100, canary: 0 },
        limits: { body: '32MiB' },
        ...route
      }
    }
  }
}

/** How the raw cases start the product: their tokens come from the environment. */
export const DEMO_START = {
  token: 'TEST-OPERATOR-TOKEN',
  env: { CASE_OPERATOR_TOKEN: 'TEST-OPERATOR-TOKEN', CASE_VIEWER_TOKEN: 'TEST-VIEWER-TOKEN' }
} as const

function casesOf<C>(file: string): readonly C[] {
  // The fixtures are part of the repository and written by nobody else.
  const { cases } = JSON.parse(readFileSync(join(FIXTURES, file), 'utf8')) as { cases: C[] }
  return cases
}
