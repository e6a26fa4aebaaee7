/** `sluice healthcheck`: one bit for a container's HEALTHCHECK or a script, from the root paths of the admin. */
import { SluiceError } from '../../errors.ts'
import type { Command } from '../command.ts'
import { EXIT } from '../exit.ts'
import { clean } from '../screen.ts'

export const healthcheck: Command = {
  name: 'healthcheck',
  summary: 'exit code 0 when the router is alive (or ready), 1 when not',
  usage: 'healthcheck [--ready]',
  examples: ['sluice healthcheck', 'sluice healthcheck --ready --admin http://127.0.0.1:9912'],
  help: `Asks /healthz, or /readyz with --ready, and needs no token. The telemetry listener answers these paths too.
A router that drains is alive and not ready. One that cannot be reached is not healthy: exit code 1.`,
  options: { ready: { text: 'ask whether it takes traffic, not only whether it lives' } },
  words: [0, 0],
  async run({ args, json, screen, api }) {
    const path = args.flag('ready') ? '/readyz' : '/healthz'
    try {
      const { status, text } = await api.probe(path)
      if (json) screen.line(clean(text.trim()))
      else screen.line(`${path} ${status} ${clean(text.trim())}`)
      return status === 200 ? EXIT.ok : EXIT.negative
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error
      screen.note(`sluice healthcheck: ${error.message}`)
      return EXIT.negative
    }
  }
}
