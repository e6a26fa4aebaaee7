/** What people are told of a fault of the shared store: our words, from what the client really says. */
import { test } from 'tap'
import { faultOf, unknownState, unreachable } from '../../../src/io/redis/fault.ts'
import { openLink } from '../../../src/io/redis/link.ts'
import { freePort, takenPort } from '../../helpers/ports.ts'
import { startRedis } from '../../helpers/redis.ts'
import { redisSettings } from '../../helpers/redis-state.ts'
import { silentLog } from '../../helpers/state-process.ts'
import { until } from '../../helpers/until.ts'

/** Words of the client library and its options, which say nothing to an operator. */
const LIBRARY =
  /Connection is closed|Command timed out|max retries|enableOfflineQueue|maxRetriesPerRequest|Stream isn't writeable|slots cache|Script|@user_script|RESP type/i

const SAID = [
  'Connection is closed.',
  'Command timed out',
  'Reached the max retries per request limit (which is 0). Refer to "maxRetriesPerRequest" option for details.',
  "Stream isn't writeable and enableOfflineQueue options is false",
  'Failed to refresh slots cache.',
  "Cluster isn't ready and enableOfflineQueue options is false",
  'All sentinels are unreachable. Retrying from scratch after 100ms.',
  "Socket timeout. Expecting data, but didn't receive any in 3000ms.",
  'Protocol error, got "H" as reply type byte',
  "ERR Error running script (call to f_1): @user_script:12: READONLY You can't write against a read only replica.",
  'Unknown RESP type 72 "H". Please report this.',
  'LOADING Redis is loading the dataset in memory',
  "OOM command not allowed when used memory > 'maxmemory'.",
  'NOAUTH Authentication required.',
  'CLUSTERDOWN Hash slot not served'
]

test('says what happened and what to do, and nothing in the words of the library, when a call fails', t => {
  for (const said of SAID) {
    const fault = faultOf(new Error(said))
    t.notMatch(fault.message, LIBRARY, said)
    t.match(fault.message, /^[a-z].*; [a-z]/, said)
    t.equal(fault.detail, said, 'kept for the debug log')
    for (const error of [unreachable(fault), unknownState(fault)])
      t.notMatch(error.message, LIBRARY)
  }
  t.end()
})

test('quotes the server where its words name the command, and the code that the system has', t => {
  const forbidden = faultOf(
    new Error("NOPERM this user has no permissions to run the 'publish' command")
  )
  t.equal(forbidden.reason, 'forbidden')
  t.match(
    forbidden.message,
    /\("NOPERM this user has no permissions to run the 'publish' command"\); give/
  )
  const reply = Object.assign(new Error(`ERR ${'x'.repeat(500)}`), { name: 'ReplyError' })
  t.match(faultOf(reply).message, /"ERR x{196}…"/)
  const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.5:6379'), {
    code: 'ECONNREFUSED'
  })
  t.match(faultOf(refused), {
    reason: 'unreachable',
    message: /^there is no connection to it \(ECONNREFUSED\); check that it runs/
  })
  const late = Object.assign(new Error('connect ETIMEDOUT'), { code: 'ETIMEDOUT' })
  t.equal(faultOf(late).reason, 'timeout')
  t.end()
})

test('says so of a real server that is away, stopped, no Redis or not allowed, when it is asked', async t => {
  const http = await takenPort()
  http.server.removeAllListeners('connection')
  http.server.on('connection', socket => {
    socket.on('error', () => undefined)
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  })
  t.teardown(() => http.server.close())
  const [killed, stopped, locked] = await Promise.all([
    startRedis(t),
    startRedis(t),
    startRedis(t, { password: 'other' })
  ])
  const cases = [
    [await freePort(), 'unreachable', async () => undefined],
    [killed.port, 'unreachable', killed.kill9],
    [stopped.port, 'timeout', async () => stopped.pause()],
    [http.port, 'protocol', async () => undefined],
    [locked.port, 'auth', async () => undefined]
  ] as const
  for (const [port, reason, breakIt] of cases) {
    const told: string[] = []
    const debug: unknown[] = []
    const log = {
      ...silentLog,
      warn: (_: unknown, text: string) => told.push(text),
      debug: (fields: unknown) => debug.push(fields)
    }
    const link = openLink(redisSettings(port), log)
    t.teardown(() => link.close())
    const ready = port === killed.port || port === stopped.port
    if (ready) await until('the connection', () => link.ready())
    await breakIt()
    await until(`${reason} of ${port}`, async () => {
      await link.command('get', 'x').catch(link.count)
      return reason in link.errors()
    })
    t.notMatch(told.join('\n'), LIBRARY, reason)
    t.match(told.join('\n'), /^the shared store cannot be used: .*; .*\. Traffic goes on with/m)
    t.match(debug.at(-1), { reason: String, detail: String })
  }
})
