/**
 * Where the Kafka broker of the tests comes from: a container, else the Maven artifacts of Kafka below
 * node_modules/.cache, run by the Java of this machine (17 or newer; no root, nothing is installed).
 *
 * It looks in this order and takes the first that runs. When none does it throws and says what to do. Several
 * processes may look at the same moment: one downloads, the others wait.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { filledOnce } from '../../demo/filled-once.ts'
import { leash } from '../../demo/leash.ts'
import type { Session } from './kafka-config.ts'
import { ROOT } from './sluice.ts'

export type KafkaProgram = {
  readonly from: string // where it was found
  readonly archive: string | null // directory for one of loaded classes, where it is worth to make one
  /** Starts a main class of Kafka; `directory` holds all its files. Whatever ends us ends it. */
  readonly start: (
    mainClass: string,
    args: readonly string[],
    directory: string,
    java?: readonly string[], // more of its options
    session?: Session
  ) => RunningKafka
  /** Runs a script that starts Kafka itself, with KAFKA_LIBS where these are; all its files are in `directory`. */
  readonly script: (
    file: string,
    env: Readonly<Record<string, string>>,
    directory: string
  ) => RunningKafka
}

export type RunningKafka = {
  readonly child: ChildProcess
  /** Reaches the broker itself, also inside a container. */
  readonly signal: (signal: 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT') => void
}

type Env = { readonly [name: string]: string | undefined }

export const KAFKA_VERSION = '4.3.1'
const IMAGE = `apache/kafka:${KAFKA_VERSION}`
const CACHE = join(ROOT, 'node_modules/.cache', `sluice-kafka-${KAFKA_VERSION}`)
const JAVA = [
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-XX:ReservedCodeCacheSize=48m',
  '-Xms32m',
  '-Xmx256m',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info' // that it is ready
]
const run = promisify(execFile)

let found: Promise<KafkaProgram> | null = null

/** The program for this process, looked for once. */
export function kafkaProgram(): Promise<KafkaProgram> {
  found ??= findKafka(process.env, CACHE)
  return found
}

/** Looks for a broker that runs. Throws with all reasons when there is none. */
export async function findKafka(env: Env, cache: string): Promise<KafkaProgram> {
  const reasons: string[] = []
  try {
    await run('docker', ['run', '--rm', '--entrypoint', 'java', IMAGE, '-version'], { env })
    return container(env)
  } catch (error) {
    reasons.push(`docker cannot run ${IMAGE}: ${textOf(error)}`)
  }
  try {
    const { stderr } = await run('java', ['-version'], { env })
    const major = Number(/version "(\d+)/.exec(stderr)?.[1])
    if (!(major >= 17)) throw new Error(`Java 17 or newer is needed, it is ${major}`)
    await filledOnce(cache, work => download(work, env))
    return local(cache, major)
  } catch (error) {
    reasons.push(`the artifacts do not run here: ${textOf(error)}`)
  }
  throw new Error(
    `A Kafka broker is needed and there is none: ${reasons.join('; ')}. Install Java and Maven ` +
      '(apt-get install openjdk-17-jre-headless maven), or start Docker, or set KAFKA_BROKERS for the tests ' +
      'that only use one, or leave them out with SLUICE_TEST_WITHOUT=kafka.'
  )
}

function local(cache: string, java: number): KafkaProgram {
  return {
    from: `Kafka ${KAFKA_VERSION} from Maven artifacts on Java ${java}`,
    archive: `${cache}-classes`,
    start(mainClass, args, cwd, more = [], session = 'own') {
      const line = [...JAVA, ...more, '-cp', join(cache, '*'), mainClass, ...args]
      return launched('java', line, cwd, process.env, session)
    },
    script: (file, env, cwd) =>
      launched('sh', [file], cwd, { ...process.env, ...env, KAFKA_LIBS: cache })
  }
}

function launched(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Env,
  session: Session = 'own'
): RunningKafka {
  const child = spawn(command, args, {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: session === 'own'
  })
  leash(child)
  return { child, signal: signal => void child.kill(signal) }
}

/** In the network of the host, so that it is reached as a process is. */
function container(env: Env): KafkaProgram {
  const run = (directory: string, entry: string, args: readonly string[], settings: Env = {}) => {
    const name = `sluice-kafka-${randomBytes(6).toString('hex')}`
    const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`
    const place = ['--network', 'host', '--user', user, '-v', `${directory}:${directory}`]
    const given = Object.entries(settings).flatMap(([key, value]) => ['-e', `${key}=${value}`])
    const image = [...given, '-w', directory, '--entrypoint', entry, IMAGE]
    const line = ['run', '--rm', '--name', name, ...place, ...image, ...args]
    const { child } = launched('docker', line, directory, env)
    const signal: RunningKafka['signal'] = which => {
      const { status } = spawnSync('docker', ['kill', `--signal=${which}`, name], { env })
      if (status !== 0) child.kill(which) // there is no container yet
    }
    return { child, signal }
  }
  return {
    from: `the image ${IMAGE}`,
    archive: null,
    start: (mainClass, args, directory, more = []) =>
      run(directory, 'java', [...JAVA, ...more, '-cp', '/opt/kafka/libs/*', mainClass, ...args]),
    script: (file, settings, directory) => run(directory, 'sh', [file], settings)
  }
}

/** The jars of the broker and of a log that it writes to, with Maven. */
async function download(work: string, env: Env): Promise<void> {
  writeFileSync(join(work, 'pom.xml'), POM)
  const goal = [
    'dependency:copy-dependencies',
    '-DincludeScope=runtime',
    `-DoutputDirectory=${work}`
  ]
  await run('mvn', ['-q', '-B', '-ntp', '-f', join(work, 'pom.xml'), ...goal], {
    env,
    maxBuffer: 16 * 1024 * 1024
  })
}

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>sluice</groupId><artifactId>test-broker</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
`

function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.trim().slice(0, 600)
}
