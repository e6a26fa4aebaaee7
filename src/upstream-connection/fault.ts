/**
 * What an error of the client library means: how it is counted, and what RFC 9209 calls it.
 *
 * Before a request was started no byte was written, whatever the error is. Messages of the library are used
 * only where it has no code; a test pins them.
 */
import type { Outcome, UpstreamError } from '../domain/counts.ts'
import { CONNECT_FORBIDDEN, CONNECT_TIMEOUT } from './connect.ts'

export type Fault = {
  readonly outcome: Extract<Outcome, 'connect' | 'reset' | 'invalid'>
  readonly error: UpstreamError
  readonly proxyError: string // of RFC 9209
  readonly why: string // for a person; from a closed list
}

/** How far a request had come: no byte written, its answer's head awaited, or in the body. */
export type Stage = 'connecting' | 'head' | 'body'

export function faultOf(error: Error, stage: Stage): Fault {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (stage === 'connecting') return faultOfConnect(code)
  return isMisread(error, code, stage) ? INVALID : RESET
}

/** An answer that is not HTTP, or not framed as HTTP wants it. */
export const INVALID: Fault = {
  outcome: 'invalid',
  error: 'invalid',
  proxyError: 'http_protocol_error',
  why: 'protocol'
}

const RESET: Fault = {
  outcome: 'reset',
  error: 'reset',
  proxyError: 'connection_terminated',
  why: 'reset'
}

/** A variant without a single address: its names do not resolve. */
export const NO_ADDRESS: Fault = {
  outcome: 'connect',
  error: 'dns',
  proxyError: 'dns_error',
  why: 'no address'
}

/** All addresses of a variant have still to pass their first health check. */
export const STARTING: Fault = {
  outcome: 'connect',
  error: 'connect',
  proxyError: 'destination_unavailable',
  why: 'starting'
}

function faultOfConnect(code: string): Fault {
  if (code === CONNECT_TIMEOUT || code === 'ETIMEDOUT') {
    return {
      outcome: 'connect',
      error: 'connect',
      proxyError: 'connection_timeout',
      why: 'timeout'
    }
  }
  if (code === CONNECT_FORBIDDEN) {
    return {
      outcome: 'connect',
      error: 'connect',
      proxyError: 'destination_ip_prohibited',
      why: 'address not allowed'
    }
  }
  if (TLS_CODES.some(begin => code.startsWith(begin))) {
    return { outcome: 'connect', error: 'tls', proxyError: 'tls_certificate_error', why: 'tls' }
  }
  if (code === 'ENOTFOUND' || code.startsWith('EAI_')) {
    return { outcome: 'connect', error: 'dns', proxyError: 'dns_error', why: 'dns' }
  }
  return { outcome: 'connect', error: 'connect', proxyError: 'connection_refused', why: 'refused' }
}

const TLS_CODES = [
  'ERR_TLS',
  'ERR_SSL',
  'CERT_',
  'EPROTO',
  'UNABLE_TO_',
  'SELF_SIGNED',
  'DEPTH_ZERO',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'PATH_LENGTH',
  'ERROR_IN_'
]

/**
 * The library reports faults of framing in a head as a length that does not match, and the end of a connection
 * inside a body as an error of the parser.
 */
function isMisread(error: Error, code: string, stage: 'head' | 'body'): boolean {
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return true
  if (code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') return stage === 'head'
  if (error.name === 'HTTPParserError') return !error.message.includes('Invalid EOF state')
  return error.message === 'bad response' || error.message === 'bad upgrade'
}
