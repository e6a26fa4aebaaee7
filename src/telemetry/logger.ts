/**
 * The log: one JSON object a line on stderr (stdout has the ready line and nothing else).
 *
 * Never in a line: tokens, passwords, cookies, Authorization fields. Fields are cleaned by name and every line
 * by pattern before it is written. Lines are at most 8 KiB. Writing is asynchronous and bounded: where stderr
 * cannot take more (a full disk behind a pipe), lines are dropped and counted, and nobody waits.
 */
import { destination, type Logger, pino, stdTimeFunctions } from 'pino'
import type { Log } from '../ports.ts'

export type Fields = Readonly<Record<string, unknown>>

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** Where lines go; `write` gets whole lines. */
export type LogTarget = { write(line: string): void; flushSync?(): void }

export type RootLog = Log & {
  fatal(fields: Fields, msg: string): void
  /** Lines that could not be written. */
  readonly dropped: () => number
  /** Writes what is still buffered; for the end of the process. */
  flush(): void
}

const MAX_LINE = 8_192
const MAX_STRING = 2_048
const MAX_BUFFERED = 4 * 1024 * 1024 // bytes
const HIDDEN = '[redacted]'
const SECRET_NAMES = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'token',
  'password',
  'secret',
  'apikey',
  'api-key',
  'x-api-key',
  'unitkey'
])

/** The log of the process. `level` defaults to info; `target` to stderr. */
export function createLogger(
  options: { readonly level?: LogLevel; readonly target?: LogTarget } = {}
): RootLog {
  let dropped = 0
  const target = options.target ?? stderr(() => dropped++)
  const logger: Logger = pino(
    {
      level: options.level ?? 'info',
      base: { pid: process.pid },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { log: fields => clean(fields, 0) }
    },
    { write: line => target.write(bounded(scrub(line))) }
  )
  return {
    debug: (fields, msg) => logger.debug(fields, msg),
    info: (fields, msg) => logger.info(fields, msg),
    warn: (fields, msg) => logger.warn(fields, msg),
    error: (fields, msg) => logger.error(fields, msg),
    fatal: (fields, msg) => logger.fatal(fields, msg),
    dropped: () => dropped,
    flush: () => target.flushSync?.()
  }
}

function stderr(onDrop: () => void): LogTarget {
  const stream = destination({ fd: 2, sync: false, maxLength: MAX_BUFFERED })
  stream.on('drop', onDrop)
  stream.on('error', onDrop) // a closed stderr must not end the process
  return {
    write: line => void stream.write(line),
    flushSync: () => {
      try {
        stream.flushSync()
      } catch {
        onDrop() // not open yet, or gone
      }
    }
  }
}

/** Fields without secrets and without endless strings; at most four levels. */
function clean(fields: Fields, depth: number): Record<string, unknown> {
  const cleaned: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) {
    const secret = SECRET_NAMES.has(name.toLowerCase())
    cleaned[name] = secret && value != null ? HIDDEN : cleanValue(value, depth)
  }
  return cleaned
}

function cleanValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return short(value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Error) {
    const code = 'code' in value ? { code: value.code } : {}
    return {
      type: value.name,
      message: short(value.message),
      stack: short(value.stack ?? ''),
      ...code
    }
  }
  if (depth > 3) return '[deep]'
  if (Array.isArray(value)) return value.slice(0, 100).map(item => cleanValue(item, depth + 1))
  return clean({ ...value }, depth + 1)
}

/** Secrets inside of texts: bearer tokens and the user information of an address. */
function scrub(line: string): string {
  return line
    .replace(/(bearer|basic)(\s+)[^\s"\\,;]+/gi, `$1$2${HIDDEN}`)
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s"/@\\]+@/gi, `$1${HIDDEN}@`)
    .replace(/([?&](?:access_|api_?)?(?:token|key|secret|password)=)[^\s"&\\]+/gi, `$1${HIDDEN}`)
}

/** A line that is too long keeps its time, level and message. */
function bounded(line: string): string {
  if (line.length <= MAX_LINE / 3 || Buffer.byteLength(line) <= MAX_LINE) return line
  const whole: Fields = JSON.parse(line)
  const { level, time, pid, msg } = whole
  return `${JSON.stringify({ level, time, pid, msg: short(String(msg)), truncated: true })}\n`
}

function short(text: string): string {
  return text.length <= MAX_STRING ? text : `${text.slice(0, MAX_STRING)}…`
}
