/**
 * What many connections cost, and that they give it back (bench/macro/memory.ts holds 10,000 for minutes).
 */
import t from 'tap'
import { readAnswers } from '../helpers/answers.ts'
import { residentBytes } from '../helpers/process-tree.ts'
import { DEMO_START, demoConfig } from '../helpers/raw-cases.ts'
import { type RawClient, rawClient } from '../helpers/raw-client.ts'
import { startRecorder } from '../helpers/recorder.ts'
import { startSluice } from '../helpers/sluice.ts'

const CONNECTIONS = 1500
const EACH_BYTES = 64 * 1024
const TOGETHER = 100

const recorder = await startRecorder()
const sluice = await startSluice(demoConfig(recorder.url), { t, ...DEMO_START })
t.teardown(() => recorder.close())
const port = Number(new URL(sluice.dataUrl).port)
const clients: RawClient[] = []
t.teardown(() => {
  for (const client of clients) client.close()
})

t.test(
  `answers on each of ${CONNECTIONS} connections with little memory when all are open`,
  async t => {
    for (let i = 0; i < 200; i++) await ask(await connected(), i)
    const before = residentBytes(sluice.pid)
    while (clients.length < CONNECTIONS) {
      await Promise.all(Array.from({ length: TOGETHER }, connected))
    }
    const answers: string[] = []
    for (let from = 0; from < clients.length; from += TOGETHER) {
      const some = clients.slice(from, from + TOGETHER)
      answers.push(...(await Promise.all(some.map((client, i) => ask(client, from + i)))))
    }
    const each = (residentBytes(sluice.pid) - before) / CONNECTIONS
    t.same([...new Set(answers)], ['200'])
    t.ok(each < EACH_BYTES, `${Math.round(each / 1024)} KiB a connection`)
    t.ok(recorder.open() <= TOGETHER * 2, `${recorder.open()} connections upstream`)
  }
)

async function connected(): Promise<RawClient> {
  const client = await rawClient(port)
  clients.push(client)
  return client
}

/** The status, and the body where it is not 200. */
async function ask(client: RawClient, n: number): Promise<string> {
  const before = client.bytes().length
  client.send(
    `POST /v1/predict HTTP/1.1\r\nHost: router.test\r\nX-User-Id: u-${n}\r\nContent-Length: 2\r\n\r\n{}`
  )
  const read = () => readAnswers(client.bytes().subarray(before), client.end()).final[0]
  await client.until(() => read()?.complete === true || client.end() !== 'open')
  const { status = 0, body = '' } = read() ?? {}
  return status === 200 ? '200' : `${status} ${body}`
}
