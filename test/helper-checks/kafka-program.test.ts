/** Where the broker of the tests is looked for, with programs that only say what they were asked. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import t, { type Test } from 'tap'
import { findKafka } from '../helpers/kafka-program.ts'
import { temporaryDirectory } from '../helpers/sluice.ts'

const JAVA = 'echo \'openjdk version "17.0.1"\' >&2'
const MAVEN =
  'for word; do case $word in -DoutputDirectory=*) touch "$(echo $word | cut -d= -f2)/kafka.jar";; esac; done'

t.test('a container is taken when docker runs the image', async t => {
  const { env, cache } = placesOf(t, { docker: 'exit 0', java: JAVA, mvn: MAVEN })
  const program = await findKafka(env, cache)
  t.match(program.from, /^the image apache\/kafka:/)
  t.notOk(existsSync(cache))
})

t.test('artifacts are fetched once and run by Java when docker does not run', async t => {
  const { env, cache, calls } = placesOf(t, { docker: 'exit 1', java: JAVA, mvn: MAVEN })
  const found = await Promise.all([findKafka(env, cache), findKafka(env, cache)])
  for (const program of found) t.match(program.from, /^Kafka .* from Maven artifacts on Java 17$/)
  t.ok(existsSync(join(cache, 'kafka.jar')))
  t.equal(calls().filter(line => line.startsWith('mvn')).length, 1)
})

t.test('nothing is kept when the download fails, and the next one tries again', async t => {
  const { env, cache, write } = placesOf(t, { docker: 'exit 1', java: JAVA, mvn: 'exit 3' })
  await t.rejects(findKafka(env, cache), /artifacts do not run here/)
  t.notOk(existsSync(cache))
  write('mvn', MAVEN)
  t.match((await findKafka(env, cache)).from, 'Maven artifacts')
})

t.test('all reasons and the way to get one are told when there is no broker', async t => {
  const old = 'echo \'openjdk version "11.0.2"\' >&2'
  const { env, cache } = placesOf(t, { docker: 'exit 1', java: old, mvn: MAVEN })
  const { message } = await findKafka(env, cache).then(
    () => new Error('found'),
    (error: Error) => error
  )
  t.match(message, /docker cannot run .*; the artifacts .*Java 17 or newer is needed, it is 11/s)
  for (const way of ['apt-get install', 'KAFKA_BROKERS', 'SLUICE_TEST_WITHOUT=kafka']) {
    t.match(message, way)
  }
})

/** A PATH that begins with these scripts, each of which notes its call. */
function placesOf(t: Test, scripts: Readonly<Record<string, string>>) {
  const directory = temporaryDirectory(t)
  const log = join(directory, 'calls')
  const bin = join(directory, 'bin')
  mkdirSync(bin)
  writeFileSync(log, '')
  const write = (name: string, body: string) => {
    writeFileSync(join(bin, name), `#!/bin/sh\necho ${name} "$@" >>'${log}'\n${body}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  for (const [name, body] of Object.entries(scripts)) write(name, body)
  return {
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH']}` },
    cache: join(directory, 'cache'),
    calls: () => readFileSync(log, 'utf8').split('\n'),
    write
  }
}
