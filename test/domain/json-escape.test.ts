import { test } from 'tap'
import { ESCAPED_BYTES, ESCAPES } from '../../src/domain/json-escape.ts'

/** What JSON.parse makes of a letter behind a backslash; null when it refuses it. */
function parsed(letter: string): string | null {
  try {
    return String(JSON.parse(`"\\${letter}"`))
  } catch {
    return null
  }
}

test('undoes what JSON.parse undoes when one character stands behind a backslash', t => {
  for (let code = 0; code < 256; code++) {
    const letter = String.fromCharCode(code)
    const plain = parsed(letter)
    t.equal(ESCAPES[letter] ?? null, plain, JSON.stringify(letter))
    t.equal(ESCAPED_BYTES[code], plain?.charCodeAt(0) ?? 0, JSON.stringify(letter))
  }
  t.end()
})
