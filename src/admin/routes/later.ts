/**
 * Calls of later versions: rollouts. They pass every check, then answer 501 SLC_NOT_AVAILABLE.
 */
import { fail } from '../../errors.ts'
import { type Call, call } from '../call.ts'
import { LaterBody, NoQuery, VariantBody } from '../schemas.ts'
import { ROUTE } from './routes.ts'

const VERBS = ['advance', 'promote', 'abort', 'retry'] as const

export const laterCalls: readonly Call[] = [
  ...VERBS.map(verb =>
    call({
      method: 'POST',
      url: `${ROUTE}/${verb}`,
      role: 'operator',
      summary: `Rollouts: ${verb} (not in this version)`,
      ...(verb === 'advance' ? { ifMatch: true as const } : {}),
      query: NoQuery,
      body: { schema: VariantBody, needed: false },
      answers: {},
      errors: ['SLC_NOT_AVAILABLE'],
      answer: () => {
        throw fail('SLC_NOT_AVAILABLE', [`The verb ${verb} of rollouts`])
      }
    })
  ),
  call({
    method: 'POST',
    url: `${ROUTE}/rollouts`,
    role: 'operator',
    summary: 'Start a rollout (not in this version)',
    body: { schema: LaterBody, needed: false },
    answers: {},
    errors: ['SLC_NOT_AVAILABLE'],
    answer: () => {
      throw fail('SLC_NOT_AVAILABLE', ['Starting a rollout'])
    }
  })
]
