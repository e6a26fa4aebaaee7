/**
 * Which requests are prediction calls: a closed list per protocol, by method and end of path (payloads.md).
 *
 * Only these are split and are evidence; readiness, metadata and the like go to the champion. Under `json` and
 * `opaque` every request that matches the route is one, WebSocket upgrades too; under the others an upgrade is
 * a GET and therefore none.
 */
import { percentDecoded } from './facts.ts'
import type { Protocol } from './route.ts'

const ENDS: Readonly<Record<Exclude<Protocol, 'json' | 'opaque'>, readonly string[]>> = {
  'open-inference': ['/infer', '/infer_stream', '/generate', '/generate_stream'],
  'kserve-v1': [':predict', ':classify', ':regress', ':explain'],
  openai: ['/completions', '/chat/completions', '/embeddings', '/responses'],
  anthropic: ['/messages'],
  mlflow: ['/invocations']
}

/** `path` is the raw path without query; an encoded colon or letter in its end is read as the server reads it. */
export function isPredictionCall(protocol: Protocol, method: string, path: string): boolean {
  if (protocol === 'json' || protocol === 'opaque') return true
  if (method !== 'POST') return false
  const end = path.includes('%') ? percentDecoded(withoutEncodedSlash(path)) : path
  for (const known of ENDS[protocol]) if (end.endsWith(known)) return true
  return false
}

/** An encoded slash is no separator: what stands before it belongs to the same segment. */
function withoutEncodedSlash(path: string): string {
  return path.replaceAll('%2F', '_').replaceAll('%2f', '_')
}
