/** The wire format of the test helpers, whatever the chunks are in which it comes. */
import t from 'tap'
import {
  encodeCommand,
  type Message,
  MessageScanner,
  type Reply,
  ReplyError,
  ReplyReader
} from '../helpers/resp.ts'
import { seeded } from '../helpers/seeded.ts'

const MESSAGES: readonly (readonly [bytes: string, reply: Reply | undefined])[] = [
  ['+OK\r\n', 'OK'],
  ['-ERR no\r\n', new ReplyError('ERR no')],
  [':-42\r\n', -42],
  ['$0\r\n\r\n', ''],
  ['$-1\r\n', null],
  ['*-1\r\n', null],
  ['*0\r\n', []],
  [`$11\r\na\r\n*3\r\n:1\r\n\r\n`, 'a\r\n*3\r\n:1\r\n'],
  [`$70000\r\n${'x'.repeat(70_000)}\r\n`, 'x'.repeat(70_000)],
  ['*3\r\n:1\r\n*2\r\n$2\r\nhi\r\n*0\r\n$-1\r\n', [1, ['hi', []], null]]
]
const THREE = [
  '_\r\n',
  '#t\r\n',
  ',1.5\r\n',
  '(123456789012345678901234567890\r\n',
  '=7\r\ntxt:abc\r\n',
  '!5\r\nERR x\r\n',
  '~2\r\n:1\r\n:2\r\n',
  '%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n%1\r\n+c\r\n_\r\n',
  '|1\r\n+ttl\r\n:3\r\n$2\r\nhi\r\n',
  '>2\r\n+message\r\n$1\r\n*\r\n'
]

/** Cuts bytes at random places. */
function chunks(bytes: Buffer, random: () => number): Buffer[] {
  const cut: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const large = random() < 0.1
    const end = at + 1 + Math.floor(random() * (large ? 50_000 : 7))
    cut.push(bytes.subarray(at, end))
    at = end
  }
  return cut
}

/** Ends of all messages from the start of the stream. */
function endsOf(parts: readonly Buffer[]): { ends: number[]; messages: Message[] } {
  const scanner = new MessageScanner()
  const ends: number[] = []
  const messages: Message[] = []
  let before = 0
  for (const part of parts) {
    for (const message of scanner.push(part)) {
      ends.push(before + message.end)
      messages.push(message)
    }
    before += part.length
  }
  return { ends, messages }
}

t.test('replies and the ends of messages are found when chunks are cut anywhere', async t => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seeded(seed)
    const picked = Array.from(
      { length: 12 },
      () => MESSAGES[Math.floor(random() * MESSAGES.length)] ?? (['+OK\r\n', 'OK'] as const)
    )
    const parts = chunks(Buffer.from(picked.map(([bytes]) => bytes).join('')), random)
    const reader = new ReplyReader()
    const replies = parts.flatMap(part => reader.push(part))
    let end = 0
    const ends = picked.map(([bytes]) => {
      end += bytes.length
      return end
    })
    const found = endsOf(parts).ends
    if (JSON.stringify(found) !== JSON.stringify(ends)) t.same(found, ends, `seed ${seed}`)
    const wanted = picked.map(([, reply]) => reply)
    if (JSON.stringify(replies) !== JSON.stringify(wanted)) t.same(replies, wanted, `seed ${seed}`)
  }
  t.match(new ReplyReader().push(Buffer.from('-ERR no\r\n')), [
    { name: 'ReplyError', message: 'ERR no' }
  ])
  t.throws(() => new ReplyReader().push(Buffer.from('HTTP/1.1 200 OK\r\n')), /not a reply/)
})

t.test('messages of protocol 3 end where they end, and what is sent unasked is marked', async t => {
  const bytes = Buffer.from(THREE.join(''))
  let end = 0
  const ends = THREE.map(text => {
    end += text.length
    return end
  })
  for (let seed = 1; seed <= 50; seed++) {
    const { ends: found, messages } = endsOf(chunks(bytes, seeded(seed)))
    t.same(found, ends, `seed ${seed}`)
    t.same(
      messages.map(message => message.push),
      THREE.map(text => text.startsWith('>'))
    )
  }
})

t.test('the command of a request is known when the request is complete', async t => {
  const long = 'X'.repeat(100)
  const bytes = Buffer.concat([
    encodeCommand(['set', 'key', Buffer.from([0, 13, 10, 255])]),
    encodeCommand(['EvalSha', 'sha', 1, 'ä']),
    Buffer.from('\r\nping hello\r\n'),
    encodeCommand([long]),
    encodeCommand(['GET', 'key'])
  ])
  for (let seed = 1; seed <= 50; seed++) {
    const { messages, ends } = endsOf(chunks(bytes, seeded(seed)))
    const words = messages.map(message => message.word)
    t.same(words, ['SET', 'EVALSHA', 'PING', long.slice(0, 32), 'GET'], `seed ${seed}`)
    t.equal(ends.at(-1), bytes.length)
  }
})

t.test('chunks are told as they come when it is another protocol', async t => {
  const hello = Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 10, 1, 252])
  for (const foreign of [hello, Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')]) {
    const scanner = new MessageScanner()
    scanner.push(foreign)
    scanner.push(Buffer.from('\r\n\x80\r\n'))
    t.same(scanner.push(Buffer.from('abc')), [{ end: 3, word: '', push: false }])
  }
  const endless = new MessageScanner()
  t.same(endless.push(Buffer.alloc(60_000, 'a')), [])
  t.equal(endless.push(Buffer.alloc(60_000, 'a')).length, 1, 'and no line is kept for ever')
})
