/** `sluice clear`: lets a challenger that was rolled back be raised again; its weight stays 0 until somebody does. */
import type { RouteView } from '../../ports.ts'
import { ROUTE } from '../answers.ts'
import { usage } from '../args.ts'
import type { Command } from '../command.ts'
import { callRoute, readRoute } from '../documents.ts'
import { EXIT } from '../exit.ts'
import { statusLines } from '../route-status.ts'

export const clear: Command = {
  name: 'clear',
  summary: 'unlatch a rollback by its id',
  usage: 'clear ROUTE ROLLBACK [--reason TEXT]',
  examples: ['sluice clear fraud 6f1c…', 'sluice clear fraud 6f1c… --reason "fixed in build 812"'],
  help: `The id is the one that sluice status shows; naming it makes sure that you end what you looked at.
The challenger keeps weight 0 and its users until sluice weights raises it.`,
  options: { reason: { value: 'TEXT', text: 'why, for the audit log' } },
  words: [1, 2],
  async run({ args, api, json, screen }) {
    const [route = '', rollback] = args.words
    const { view, etag } = await readRoute(api, route, 'clear')
    if (rollback === undefined) throw usage(`name the rollback${inForce(view)}`, 'clear')
    const reason = args.value('reason')
    const { body } = await callRoute(api, route, '/clear', ROUTE, 'clear', {
      method: 'POST',
      ifMatch: etag,
      body: { rollback, ...(reason === undefined ? {} : { reason }) }
    })
    if (json) screen.json(body)
    else for (const line of statusLines(body, screen, false)) screen.line(line)
    return EXIT.ok
  }
}

function inForce(view: RouteView): string {
  const ids = Object.entries(view.challengers).flatMap(([name, { rollback }]) =>
    rollback === null ? [] : [`${rollback.id} of ${name}`]
  )
  return ids.length === 0 ? `; none is in force on ${view.route}` : `: ${ids.join(', ')}`
}
