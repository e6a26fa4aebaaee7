/**
 * The stream of what happens, as server-sent events.
 */
import { fail } from '../../errors.ts'
import { type Call, call } from '../call.ts'
import type { EventStreams } from '../event-streams.ts'
import { PlainText } from '../schemas.ts'

export function eventCalls(streams: EventStreams): readonly Call[] {
  return [
    call({
      method: 'GET',
      url: '/admin/v1/events',
      role: 'viewer',
      summary: 'What happens, as server-sent events',
      description:
        'Events weights, trigger, pause, resume, rollback, clear, variant, rollout, shadow and config; id = audit sequence, data = audit entry. With Last-Event-ID everything since is sent first. A comment every 15 s keeps the connection.',
      answers: { 200: { what: 'text/event-stream', schema: PlainText } },
      errors: ['SLC_ADMIN_EVENTS_FULL'],
      answer: ({ fields }) => {
        const after = lastEventId(fields('last-event-id'))
        streams.admit()
        return { stream: (request, response) => streams.open(request, response, after) }
      }
    })
  ]
}

function lastEventId(fields: readonly string[]): number | null {
  const [id] = fields
  if (id === undefined || (fields.length === 1 && id === '')) return null
  if (fields.length > 1 || !/^[0-9]{1,15}$/.test(id)) {
    throw fail('SLC_ADMIN_MEANING', ['Last-Event-ID is not the id of an event'])
  }
  return Number(id)
}
