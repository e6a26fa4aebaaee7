/** `sluice serve`: the router itself, in this process, until a signal ends it. */
import type { Command } from '../command.ts'
import type { Exit } from '../exit.ts'

export const serve: Command = {
  name: 'serve',
  summary: 'run the router',
  usage: 'serve [FILE=./sluice.yaml] [--watch]',
  examples: ['sluice serve', 'sluice serve /etc/sluice/sluice.yaml --watch', 'npm start -- FILE'],
  help: `Checks FILE as sluice check does and refuses to start with all its problems (exit code 2).
Prints one line of JSON on stdout when every listener accepts, then structured logs on stderr.
SIGHUP (or --watch) reads FILE again: a refused file leaves the old configuration running.
SIGTERM drains: /readyz turns 503, requests are served on for drain.delay, then until done or drain.grace.
SIGINT (Ctrl-C) drains as well, without drain.delay. A second signal, a second later or more, ends it at once.
Weights of a route come from FILE only at its first start; later they are in the state directory.`,
  options: { watch: { text: 'read FILE again whenever it changes' } },
  common: ['help'],
  words: [0, 1],
  async run({ args, env, serve }) {
    const code = await serve({
      file: args.words[0] ?? './sluice.yaml',
      watch: args.flag('watch'),
      env
    })
    return code as Exit // the composition ends with the codes of the same table
  }
}
