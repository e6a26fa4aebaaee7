/**
 * Looking again each second, for the verbs with -w.
 */
import { setTimeout } from 'node:timers/promises'
import type { Context } from './command.ts'
import { EXIT, type Exit } from './exit.ts'

const EVERY_MS = 1000

/**
 * Ends by Ctrl-C with what the last look said, or with 0 when nobody reads it any more; only the first look may
 * fail.
 */
export async function watch(
  context: Context,
  look: (context: Context) => Promise<Exit>
): Promise<Exit> {
  const stop = new Promise<'stop'>(resolve => process.once('SIGINT', () => resolve('stop')))
  const closed = context.screen.closed.then(() => 'closed' as const)
  let last = await look(context)
  for (;;) {
    const end = await Promise.race([stop, closed, setTimeout(EVERY_MS)])
    if (end === 'stop') return last
    if (end === 'closed') return EXIT.ok
    try {
      last = await look(context)
    } catch (error) {
      context.screen.note(error instanceof Error ? error.message : String(error))
    }
  }
}

/** Makes room for the next picture of a watch; nothing where there is none. */
export function newPicture({ args, screen }: Context): void {
  if (!args.flag('watch')) return
  screen.clear()
  if (screen.terminal) screen.line(`${new Date().toISOString()}, again each second; Ctrl-C ends\n`)
}
