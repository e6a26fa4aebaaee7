/**
 * The running configuration (secrets redacted, with drift against the store) and its reload.
 */
import { type Call, call } from '../call.ts'
import { ReasonBody, Reloaded, RunningConfig } from '../schemas.ts'

export const configCalls: readonly Call[] = [
  call({
    method: 'GET',
    url: '/admin/v1/config',
    role: 'viewer',
    summary: 'The running configuration',
    answers: { 200: { what: 'Configuration and drift', schema: RunningConfig } },
    answer: ({ control }) => ({ status: 200, body: control.config() })
  }),
  call({
    method: 'POST',
    url: '/admin/v1/config/reload',
    role: 'admin',
    summary: 'Load the configuration file again',
    description: 'Checked whole and swapped at once; a refused file leaves the old one running.',
    body: { schema: ReasonBody, needed: false },
    answers: {
      200: { what: 'What changed, and what the file says that has no effect', schema: Reloaded }
    },
    errors: ['SLC_RELOAD_REFUSED'],
    answer: async ({ control, actor }) => ({ status: 200, body: await control.reload(actor) })
  })
]
