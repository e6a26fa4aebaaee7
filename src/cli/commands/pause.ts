/** `sluice pause` and `sluice resume`: refuse raises of a challenger, allow them again. */
import { ROUTE } from '../answers.ts'
import type { Command } from '../command.ts'
import { callRoute } from '../documents.ts'
import { EXIT } from '../exit.ts'
import { statusLines } from '../route-status.ts'

export const pause: Command = holding(
  'pause',
  'release freeze',
  'refuse raises of challengers; traffic stays as it is',
  `Every challenger of ROUTE, or VARIANT alone, keeps its share and cannot be raised (exit code 1 for who tries).
Lowering it and rolling it back stay possible, and triggers stay armed.`
)

function holding(name: 'pause' | 'resume', why: string, summary: string, help: string): Command {
  return {
    name,
    summary,
    usage: `${name} ROUTE [VARIANT] [--reason TEXT]`,
    examples: [`sluice ${name} fraud`, `sluice ${name} fraud v4 --reason "${why}"`],
    help,
    options: { reason: { value: 'TEXT', text: 'why, for the audit log' } },
    words: [1, 2],
    async run({ args, api, json, screen }) {
      const [route = '', variant] = args.words
      const reason = args.value('reason')
      const { body } = await callRoute(api, route, `/${name}`, ROUTE, name, {
        method: 'POST',
        body: {
          ...(variant === undefined ? {} : { variant }),
          ...(reason === undefined ? {} : { reason })
        }
      })
      if (json) screen.json(body)
      else for (const line of statusLines(body, screen, false)) screen.line(line)
      return EXIT.ok
    }
  }
}

export const resume: Command = holding(
  'resume',
  'the freeze is over',
  'allow raises of paused challengers again',
  `Ends a pause of a person or of a trigger; shares stay as they are until somebody raises them.
Where replicas share the state, it also ends a quarantine on the replica that is asked.
A rollback is ended by sluice clear, not by this.`
)
