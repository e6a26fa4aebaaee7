/**
 * What kind of body a content type declares, as far as readers of answers tell kinds apart.
 */

/** `lines`: one JSON document a line. `events`: server-sent events. `none`: nothing is declared. */
export type MediaType = 'json' | 'lines' | 'events' | 'text' | 'other' | 'none'

const LINES = new Set([
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/x-jsonl',
  'application/jsonlines',
  'application/x-jsonlines',
  'application/stream+json'
])

/** `contentType` as the field has it, with any parameters; null without the field. */
export function mediaTypeOf(contentType: string | null): MediaType {
  if (contentType === null) return 'none'
  if (contentType === 'application/json') return 'json'
  const semicolon = contentType.indexOf(';')
  const type = (semicolon === -1 ? contentType : contentType.slice(0, semicolon))
    .trim()
    .toLowerCase()
  if (type === '') return 'none'
  if (LINES.has(type)) return 'lines'
  if (type === 'application/json' || type === 'text/json' || type.endsWith('+json')) return 'json'
  if (type === 'text/event-stream') return 'events'
  return type === 'text/plain' ? 'text' : 'other'
}
