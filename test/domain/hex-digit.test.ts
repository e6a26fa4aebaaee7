import { test } from 'tap'
import { hexDigit } from '../../src/domain/hex-digit.ts'

test('reads a hex digit of either case, and nothing else', t => {
  for (let code = 0; code < 256; code++) {
    const letter = String.fromCharCode(code)
    const wanted = /^[0-9a-fA-F]$/.test(letter) ? Number.parseInt(letter, 16) : -1
    t.equal(hexDigit(code), wanted, JSON.stringify(letter))
  }
  t.equal(hexDigit(Number.NaN), -1, 'behind the end of a text')
  t.end()
})
