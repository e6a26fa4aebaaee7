/**
 * The life of a serving process: configuration, start, signals, drain, exit code.
 *
 * SIGTERM drains (delay, then grace) and exits 0; SIGINT does without the delay; a second signal exits at once.
 * One request to end can arrive several times (sent to the process group and passed on by a parent, as systemd,
 * timeout and npm do): the same signal within a second of the first is that one again.
 * SIGHUP reloads. A fault in the control plane is logged and traffic goes on: it never takes the data threads
 * down.
 */
import { watch as watchFile } from 'node:fs'
import { basename, dirname } from 'node:path'
import closeWithGrace from 'close-with-grace'
import { compose, type Router } from './compose.ts'
import { formatProblem } from './config/diagnostics.ts'
import { loadConfig } from './config/load.ts'
import type { ReloadResult } from './control-plane/reload.ts'
import { SluiceError } from './errors.ts'
import { createLogger, type RootLog } from './telemetry/logger.ts'

export type ServeOptions = {
  readonly file: string
  readonly watch: boolean
  readonly env: Readonly<Record<string, string | undefined>>
}

const WATCH_SETTLE_MS = 300
const ENDING = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGUSR2'] as const
const SAME_SIGNAL_MS = 1000

/** Serves until a signal. Resolves with an exit code only when it could not start (2); otherwise it exits. */
export async function serve(options: ServeOptions): Promise<number> {
  const first = await loadConfig(options.file, options.env)
  if (!first.ok) {
    for (const problem of first.problems) process.stderr.write(`${formatProblem(problem)}\n`)
    return 2
  }
  const { config } = first
  const log = createLogger()
  for (const warning of first.warnings)
    log.warn({ warning: formatProblem(warning) }, 'configuration warning')
  let router: Router
  try {
    router = await compose(config, () => reloaded(options), log)
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error
    process.stderr.write(`sluice: ${error.message} (${error.code})\n`)
    return 2
  }
  keepGoing(log)
  endWithGrace(router, log)
  const reload = (by: string) => {
    router.reload({ id: by, requestId: by, reason: by }).catch((error: unknown) => {
      const told = error instanceof SluiceError && error.code === 'SLC_RELOAD_REFUSED'
      if (!told) log.error({ err: error }, 'a reload failed; the old configuration keeps running')
    })
  }
  process.on('SIGHUP', () => reload('SIGHUP'))
  if (options.watch) watchConfig(config.file, () => reload('watch'))
  const { listen, admin, telemetry } = router.addresses
  const line = { msg: 'ready', listen: [listen], admin, telemetry, pid: process.pid }
  process.stdout.write(`${JSON.stringify(line)}\n`)
  return new Promise(() => undefined)
}

async function reloaded(options: ServeOptions): Promise<ReloadResult> {
  const next = await loadConfig(options.file, options.env)
  if (next.ok) return { ...next, warnings: next.warnings.map(formatProblem) }
  return { ok: false, problems: next.problems.map(formatProblem) }
}

function endWithGrace(router: Router, log: RootLog): void {
  let first: { readonly signal: NodeJS.Signals; readonly at: number } | null = null
  const { close } = closeWithGrace(
    {
      delay: false, // every step below has a limit of its own
      logger: false,
      skip: [...ENDING, 'SIGHUP', 'uncaughtException', 'unhandledRejection', 'beforeExit']
    },
    async () => {
      log.info({ signal: first?.signal }, 'draining')
      await router.drain(first?.signal !== 'SIGINT')
      await router.stop()
      log.info({}, 'stopped')
      await log.flush()
    }
  )
  const end = (signal: NodeJS.Signals) => {
    if (first === null) {
      first = { signal, at: performance.now() }
      close()
      return
    }
    if (signal === first.signal && performance.now() - first.at < SAME_SIGNAL_MS) return
    log.warn({ signal }, 'second signal; ending now')
    process.exit(1)
  }
  for (const signal of ENDING) process.on(signal, end)
}

/** What nobody caught in the control plane: traffic does not depend on it, so it is told and survived. */
function keepGoing(log: RootLog): void {
  process.on('uncaughtException', error => log.error({ err: error }, 'uncaught exception'))
  process.on('unhandledRejection', error => log.error({ err: error }, 'unhandled rejection'))
}

/** Watches the directory, because editors and ConfigMaps replace the file rather than write into it. */
function watchConfig(file: string, changed: () => void): void {
  let timer: NodeJS.Timeout | null = null
  watchFile(dirname(file), { persistent: false }, (_event, name) => {
    // A ConfigMap swaps the link `..data`, not the file itself.
    if (name !== basename(file) && name !== '..data') return
    if (timer) clearTimeout(timer)
    timer = setTimeout(changed, WATCH_SETTLE_MS)
  })
}
