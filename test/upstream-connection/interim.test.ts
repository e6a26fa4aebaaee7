import { Socket } from 'node:net'
import { test } from 'tap'
import { skipContinue } from '../../src/upstream-connection/interim.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n'

/** What a parser behind the socket reads when the upstream's bytes come in these pieces. */
function read(
  pieces: readonly string[],
  request: string | Buffer = 'GET / HTTP/1.1\r\n\r\n'
): string {
  const socket = new Socket()
  // Nothing is connected here: what is written goes nowhere.
  socket._write = (_chunk, _encoding, done) => done()
  skipContinue(socket)
  socket.write(request)
  for (const piece of pieces) socket.push(Buffer.from(piece, 'latin1'))
  socket.push(null)
  const chunk: unknown = socket.read()
  socket.destroy()
  return Buffer.isBuffer(chunk) ? chunk.toString('latin1') : ''
}

test('cuts interim heads out when they come before the answer, in whatever pieces', async t => {
  t.equal(read([CONTINUE + OK]), OK)
  t.equal(read([CONTINUE, CONTINUE, OK]), OK)
  t.equal(read([`HTTP/1.1 100 Continue\r\nX: y\r\n\r\n${OK}`]), OK)
  for (let cut = 1; cut < CONTINUE.length + 20; cut++) {
    const bytes = CONTINUE + OK
    t.equal(read([bytes.slice(0, cut), bytes.slice(cut)]), OK, `cut at ${cut}`)
  }
  t.equal(read([...(CONTINUE + CONTINUE + OK)]), OK, 'byte by byte')
})

test('changes nothing when there is no interim head', async t => {
  for (const bytes of [
    OK,
    'HTTP/1.1 103 Early\r\n\r\n',
    'HTTP/1.1 1000 X\r\n\r\n',
    'hello',
    'HTTP/1.1 10',
    ''
  ]) {
    t.equal(read([...bytes]), bytes, JSON.stringify(bytes))
  }
  const body = `HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n${CONTINUE}`
  t.equal(read([body.slice(0, -CONTINUE.length), CONTINUE]), body, 'a body may look like one')
})

test('gives up what never ends when it is larger than a head may be', async t => {
  const endless = `HTTP/1.1 100 Continue\r\nX: ${'a'.repeat(20_000)}`
  t.equal(read([endless]), endless)
})

test('looks for none when no request was written', async t => {
  t.equal(read([CONTINUE], Buffer.from('not a head')), CONTINUE)
})
