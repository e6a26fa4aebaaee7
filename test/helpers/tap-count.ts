/**
 * Counts what a TAP stream says, so that a run cannot look green by having run nothing.
 *
 * A test is a leaf: a subtest without subtests of its own, or a file without any. Its assertions are not counted.
 * What fails without a failed leaf below it (a file that crashed, an assertion beside subtests) counts as one
 * failed test; a skip or todo is named, because it is not a pass.
 */
export type TapCount = {
  /** One line of the stream, without its end. */
  line(text: string): void
  readonly counts: () => Counts
}

export type Counts = {
  readonly passed: number
  readonly failed: number
  readonly failures: readonly string[] // full names of the failed
  readonly skipped: readonly string[] // with the reason given
}

type Open = {
  readonly name: string
  readonly indent: number
  children: number
  failed: number // leaves below that failed, or failures that stand for themselves
}

const SUBTEST = /^( *)# Subtest: (.*)$/
const POINT = /^( *)(not ok|ok)(?: \d+)?(?: - ((?:[^\\#]|\\.|#(?! ?(?:SKIP|TODO|time)))*))?(.*)$/

export function createTapCount(): TapCount {
  const open: Open[] = [{ name: '', indent: -4, children: 0, failed: 0 }]
  const failures: string[] = []
  const skipped: string[] = []
  let passed = 0
  let yaml: number | null = null

  const top = () => open.at(-1) ?? { name: '', indent: -4, children: 0, failed: 0 }
  const path = (name: string) => [...open.slice(1).map(one => one.name), name].join(' > ')

  function begin(name: string, indent: number): void {
    while (top().indent >= indent && open.length > 1) open.pop()
    top().children++
    open.push({ name, indent, children: 0, failed: 0 })
  }

  /** The test point that ends a subtest: a leaf is counted, another one only if its failure has no leaf. */
  function end(ok: boolean): void {
    const closed = open.pop()
    if (closed === undefined) return
    if (closed.children === 0 && ok) passed++
    if (!ok && closed.failed === 0) {
      failures.push(path(closed.name))
      closed.failed = 1
    }
    top().failed += closed.failed
  }

  return {
    line(text) {
      const indent = text.length - text.trimStart().length
      if (yaml !== null) {
        if (text.trim() === '...' && indent === yaml) yaml = null
        return
      }
      if (text.trim() === '---') {
        yaml = indent
        return
      }
      const [, , name] = SUBTEST.exec(text) ?? []
      if (name !== undefined) return begin(name, indent)
      if (/^ *Bail out!/.test(text)) {
        failures.push(text.trim())
        return
      }
      const [, , result, title = '', rest = ''] = POINT.exec(text) ?? []
      if (result === undefined) return
      const reason = /# ?(SKIP|TODO)\b ?(.*)$/i.exec(rest)
      if (reason) skipped.push(`${path(title.trim())}: ${reason[2] || reason[1]}`)
      if (top().indent === indent && open.length > 1) end(result === 'ok' || reason?.[1] === 'TODO')
    },
    counts: () => ({ passed, failed: failures.length, failures, skipped })
  }
}
