/**
 * What a data thread says of itself in shared memory, beside the counters of its variants.
 *
 * `beat` is written by a 50 ms timer; a beat that comes more than 200 ms late is a stall of ours, which is
 * nobody's fault (triggers.md, rule 8).
 */
export const REJECTS = [
  'bad_request',
  'method',
  'timeout',
  'too_large',
  'uri_too_long',
  'misdirected',
  'expectation',
  'headers_too_large',
  'not_implemented',
  'version',
  'loop',
  'no_route',
  'no_upstream',
  'unit'
] as const
export type Reject = (typeof REJECTS)[number]

export const BEAT_MS = 50
export const STALL_MS = 200

/** Doubles: times in ms since the process epoch, sizes in bytes, CPU in microseconds. */
export const THREAD_TIME = {
  beat: 0,
  lastStall: 1,
  loopDelayP99Ms: 2,
  heapUsed: 3,
  cpuMicros: 4,
  size: 8
} as const
export const THREAD_WORD = {
  connections: 0,
  accepted: 1,
  shedConnections: 2,
  stalls: 3,
  rejects: 8,
  size: 8 + REJECTS.length
} as const

export type ThreadRegion = { readonly times: Float64Array; readonly words: Uint32Array }

export const THREAD_REGION_BYTES = THREAD_TIME.size * 8 + THREAD_WORD.size * 4

export function threadRegionOver(buffer: SharedArrayBuffer | ArrayBuffer): ThreadRegion {
  return {
    times: new Float64Array(buffer, 0, THREAD_TIME.size),
    words: new Uint32Array(buffer, THREAD_TIME.size * 8, THREAD_WORD.size)
  }
}
