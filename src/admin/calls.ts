/**
 * All calls of the admin API, in the order in which the page shows them.
 */
import type { Call } from './call.ts'
import type { EventStreams } from './event-streams.ts'
import { configCalls } from './routes/config.ts'
import { decisionCalls } from './routes/decisions.ts'
import { eventCalls } from './routes/events.ts'
import { explainCalls } from './routes/explain.ts'
import { laterCalls } from './routes/later.ts'
import { openApiCalls } from './routes/openapi.ts'
import { pauseCalls } from './routes/pause.ts'
import { rollbackCalls } from './routes/rollback.ts'
import { rootCalls } from './routes/root.ts'
import { routeCalls } from './routes/routes.ts'
import { shadowCalls } from './routes/shadows.ts'
import { variantCalls } from './routes/variants.ts'

export function allCalls(streams: EventStreams, document: () => Promise<string>): readonly Call[] {
  return [
    ...routeCalls,
    ...rollbackCalls,
    ...pauseCalls,
    ...decisionCalls,
    ...explainCalls,
    ...variantCalls,
    ...shadowCalls,
    ...configCalls,
    ...eventCalls(streams),
    ...laterCalls,
    ...openApiCalls(document),
    ...rootCalls
  ]
}
