/**
 * The log: one JSON object a line on stderr (stdout has the ready line and nothing else).
 *
 * Never in a line: tokens, passwords, cookies, Authorization fields. Fields are cleaned by name and every line
 * by pattern before it is written. Lines are at most 8 KiB. Writing is asynchronous and bounded: where stderr
 * cannot take more (a full disk behind a pipe), lines are dropped and counted, and nobody waits.
 */
import { type Logger, pino, stdTimeFunctions } from 'pino'
import type { Log } from '../ports.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** Where lines go; `write` gets whole lines. */
export type LogTarget = { write(line: string): void; flush?(): Promise<void> }

export type RootLog = Log & {
  readonly fatal: Log['error']
  /** Lines that could not be written. */
  readonly dropped: () => number
  /** Resolves when all is written, or after a second; for the end of the process. */
  flush(): Promise<void>
}

type Fields = Readonly<Record<string, unknown>>

const MAX_LINE = 8_192
const MAX_STRING = 2_048
const MAX_BUFFERED = 4 * 1024 * 1024 // bytes
const FLUSH_MS = 1_000
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
      serializers: { err: value => value }, // cleaned with all other fields
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
    flush: async () => target.flush?.()
  }
}

/** Node writes pipes and sockets without waiting; what does not fit is kept up to a bound, then dropped. */
function stderr(onDrop: () => void): LogTarget {
  const stream = process.stderr
  stream.on('error', onDrop) // closed, or a full disk: the process goes on
  return {
    write(line) {
      if (stream.writableLength > MAX_BUFFERED || stream.destroyed) onDrop()
      else stream.write(line)
    },
    async flush() {
      const end = performance.now() + FLUSH_MS
      while (stream.writableLength > 0 && !stream.destroyed && performance.now() < end) {
        await new Promise(resolve => setTimeout(resolve, 5))
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

/** Secrets inside of texts: tokens and the user information of an address. Each pattern is linear in the line. */
function scrub(line: string): string {
  return line
    .replace(/(bearer|basic)(\s+)[^\s"\\,;]+/gi, `$1$2${HIDDEN}`)
    .replace(/:\/\/[^\s"/@\\]+@/g, `://${HIDDEN}@`)
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
