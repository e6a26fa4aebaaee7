/**
 * Where a verb writes: results on stdout, everything about the way there on stderr.
 *
 * Colour only where stdout is a terminal and neither NO_COLOR nor --no-color says otherwise. Text from elsewhere
 * (names, reasons, sentences of the API) is cleaned of control characters before a terminal sees it.
 */
import { styleText } from 'node:util'

export type Paint = 'green' | 'yellow' | 'red' | 'bold' | 'dim'

export type Screen = {
  readonly terminal: boolean
  line(text?: string): void
  note(text: string): void
  /** The API's document, unchanged in meaning; one line. */
  json(value: unknown): void
  paint(style: Paint, text: string): string
  /** Resolves when whoever read stdout is gone or it takes no more; never where nothing is written. */
  readonly closed: Promise<void>
  /** Clears a terminal before the next picture of a watch; nothing elsewhere. */
  clear(): void
}

export function screenOver(
  stdout: NodeJS.WriteStream,
  stderr: NodeJS.WriteStream,
  colour: boolean
): Screen {
  const terminal = stdout.isTTY === true
  return {
    terminal,
    closed: new Promise(resolve => stdout.once('error', () => resolve())),
    line: (text = '') => void stdout.write(`${text}\n`),
    note: text => void stderr.write(`${text.split('\n').map(clean).join('\n')}\n`),
    json: value => void stdout.write(`${JSON.stringify(value)}\n`),
    paint: (style, text) =>
      terminal && colour ? styleText(style, text, { validateStream: false }) : text,
    clear: () => {
      if (terminal) stdout.write('\x1b[H\x1b[2J')
    }
  }
}

/** `text` without control characters (C0, DEL, C1), which could move a cursor or hide a line. */
export function clean(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ')
}

/**
 * Lines of a table without rules: columns as wide as their widest cell, two blanks between. `right` are the
 * columns of numbers. Cells are padded before they are painted.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = []
): string[] {
  const cells = [head, ...rows].map(row => row.map(clean))
  const widths = head.map((_, column) => Math.max(...cells.map(row => row[column]?.length ?? 0)))
  return cells.map(row =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return right.includes(column) ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd()
  )
}

/** 5 → "5 %", 4.8123 → "4.81 %". */
export function percent(share: number): string {
  return `${Number(share.toFixed(2))} %`
}

/** How long ago an ISO time was: "0.4 s", "12 min", "3.2 h", "5 d". */
export function ago(iso: string, now = Date.now()): string {
  const seconds = Math.max(0, (now - Date.parse(iso)) / 1000)
  if (!Number.isFinite(seconds)) return 'at an unknown time'
  if (seconds < 120) return `${seconds.toFixed(1)} s ago`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min ago`
  if (seconds < 172_800) return `${(seconds / 3600).toFixed(1)} h ago`
  return `${Math.round(seconds / 86_400)} d ago`
}
