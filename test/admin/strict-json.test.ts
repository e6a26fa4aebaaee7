/**
 * The strict JSON of the admin API: what it takes is what JSON.parse gives, what is ambiguous is refused.
 */
import t from 'tap'
import { type Json, parseStrictJson } from '../../src/admin/strict-json.ts'

const bytes = (text: string) => Buffer.from(text, 'utf8')

t.test('gives what JSON.parse gives when the text is plain JSON', t => {
  const texts = [
    '{}',
    '[]',
    '""',
    ' \t\r\n{ "a" : [ 1 , -0.5e+3 , true , false , null , "x" ] }\n',
    '{"weights":{"stable":90,"canary":10},"reason":"because \\u00e4\\n\\"\\/\\\\\\b\\f\\r\\t"}',
    '"\\ud83d\\ude00 \u00e9 \u{1f600}"',
    '0',
    '-0',
    '1E2',
    '1e-400',
    '123456789012345678901234567890',
    '{"":1,"constructor":1,"prototype":{},"toString":2,"hasOwnProperty":3}'
  ]
  for (const text of texts) {
    t.same(plain(parseStrictJson(bytes(text))), JSON.parse(text), text)
  }
  t.end()
})

t.test('refuses with 400 when the text is not acceptable', t => {
  const refused: Record<string, string> = {
    nothing: '',
    spaces: '  ',
    'a value cut off': '{"a":1',
    'an array cut off': '[1,',
    'a string cut off': '"abc',
    'an escape cut off': '"\\u12',
    'something behind it': '{} {}',
    'a second value': '{}[]',
    'a NUL behind it': '{}\u0000',
    'a trailing comma': '{"a":1,}',
    'a trailing comma in a list': '[1,]',
    'a leading comma': '[,1]',
    'a missing colon': '{"a" 1}',
    'a missing comma': '{"a":1 "b":2}',
    'a key without quotes': '{a:1}',
    'single quotes': "{'a':1}",
    'a comment': '{}//x',
    NaN: 'NaN',
    Infinity: '-Infinity',
    'a plus': '+1',
    'a leading zero': '01',
    'no digit before the point': '.5',
    'no digit behind the point': '1.',
    hex: '0x10',
    'letters in a number': '1a',
    'a number too large': '1e309',
    'a raw line feed in a string': '"a\nb"',
    'an unknown escape': '"\\x41"',
    'half a surrogate pair': '"\\ud800"',
    'the halves swapped': '"\\ude00\\ud83d"',
    'another space': '\u00a0{}',
    'a word cut off': 'tru',
    'a byte order mark': '\ufeff{}',
    'a key twice': '{"a":1,"a":1}',
    'a key twice, once escaped': '{"a":1,"\\u0061":2}',
    'a key twice deep inside': '[{"x":{"b":1,"c":2,"b":3}}]',
    __proto__: '{"__proto__":{}}',
    '__proto__ escaped': '{"\\u005f_proto__":1}',
    '__proto__ deep inside': '{"a":[{"__proto__":null}]}',
    'constructor with prototype': '{"constructor":{"prototype":{"admin":true}}}'
  }
  for (const [what, text] of Object.entries(refused)) {
    t.throws(() => parseStrictJson(bytes(text)), { code: 'SLC_ADMIN_JSON', status: 400 }, what)
  }
  t.end()
})

t.test('refuses when the bytes are not UTF-8', t => {
  for (const hex of [
    '22ff22',
    '22c328 22',
    '22c0af22',
    '22eda08022',
    '22f8888080 22',
    'fffe7b007d00'
  ]) {
    t.throws(
      () => parseStrictJson(Buffer.from(hex.replaceAll(' ', ''), 'hex')),
      { code: 'SLC_ADMIN_JSON' },
      hex
    )
  }
  t.end()
})

t.test('takes 32 levels and refuses more when something is deep', t => {
  const nested = (n: number) => '['.repeat(n) + ']'.repeat(n)
  t.same(plain(parseStrictJson(bytes(nested(32)))), JSON.parse(nested(32)))
  t.throws(() => parseStrictJson(bytes(nested(33))), { code: 'SLC_ADMIN_JSON' })
  t.throws(() => parseStrictJson(bytes('['.repeat(60_000))), { code: 'SLC_ADMIN_JSON' })
  t.throws(() => parseStrictJson(bytes('{"a":'.repeat(12_000))), { code: 'SLC_ADMIN_JSON' })
  t.end()
})

t.test('gives objects without a prototype when it reads', t => {
  const value = parseStrictJson(bytes('{"a":{"b":[{}]}}'))
  t.equal(Object.getPrototypeOf(value), null)
  t.notOk('toString' in Object(value))
  t.equal(Object.keys(Object.prototype).length, 0, 'and nothing was added to the one of all')
  t.end()
})

t.test('agrees with JSON.parse about what is JSON when texts are mutated at random', t => {
  const base = '{"weights":{"stable":90.5,"canary":-1e2},"list":[true,null,"a\\u0041\\n"],"r":""}'
  const alphabet = '{}[]":,\\ \t\n0123456789.eE+-truefalsn\u0001'
  let seed = 20_240_601
  const random = (n: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return seed % n
  }
  let accepted = 0
  for (let i = 0; i < 20_000; i++) {
    let text = base
    for (let edits = 1 + random(3); edits > 0; edits--) {
      const at = random(text.length)
      const char = alphabet[random(alphabet.length)] ?? ''
      text = text.slice(0, at) + char + text.slice(at + random(2))
    }
    const ours = attempt(() => plain(parseStrictJson(bytes(text))))
    const theirs = attempt(() => JSON.parse(text))
    if (ours !== undefined) accepted++
    if (JSON.stringify(ours) === JSON.stringify(theirs)) continue
    // Stricter is right, for a key that is there twice or a number that is not finite; laxer never is.
    if (ours !== undefined || !/(")(\w*)\1.*"\2"|e/i.test(text)) t.fail(`differs for ${text}`)
  }
  t.ok(accepted > 500, `${accepted} were JSON still`)
  t.end()
})

function attempt(read: () => unknown): unknown {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** The same value with usual prototypes, to compare. */
function plain(value: Json): unknown {
  return JSON.parse(JSON.stringify(value))
}
