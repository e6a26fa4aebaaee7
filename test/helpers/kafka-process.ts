/**
 * The life of one broker of a test: it may end and begin again, its ports, its data and its configuration stay.
 *
 * It is ready when it says so itself, in the log of its own process.
 */
import { once } from 'node:events'
import type { Session } from './kafka-config.ts'
import type { KafkaProgram, RunningKafka } from './kafka-program.ts'
import { until } from './until.ts'

export type KafkaProcess = {
  /** Starts it and waits until it is ready. Throws with its output when it does not become so. */
  readonly begin: () => Promise<void>
  /** Ends it with a signal, also when it is paused, and waits for its end. */
  readonly end: (signal: 'SIGTERM' | 'SIGKILL') => Promise<void>
  readonly signal: RunningKafka['signal']
  readonly pid: () => number
  readonly log: () => string
}

const KEPT = 200_000 // characters of its output

export function createKafkaProcess(
  program: KafkaProgram,
  config: string,
  directory: string,
  java: readonly string[] = [],
  session: Session = 'own'
): KafkaProcess {
  let running: RunningKafka | null = null
  let output = ''
  const alive = () =>
    running !== null && running.child.exitCode === null && running.child.signalCode === null
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    if (running === null || !alive()) return
    const gone = once(running.child, 'close')
    running.signal(signal)
    if (signal === 'SIGTERM') running.signal('SIGCONT')
    await gone
  }
  return {
    end,
    async begin() {
      output = ''
      running = program.start('kafka.Kafka', [config], directory, java, session)
      collect(running, text => {
        output = (output + text).slice(-KEPT)
      })
      const started = await until(
        'the broker is ready',
        () => !alive() || output.includes('Kafka Server started')
      ).catch((error: unknown) => error)
      if (started === true && alive()) return
      await end('SIGKILL')
      throw new Error(
        `${program.from} did not start (${String(started)}):\n${output.slice(-8_000)}`
      )
    },
    signal: signal => running?.signal(signal),
    pid: () => running?.child.pid ?? 0,
    log: () => output
  }
}

/** Writes the empty storage that a first start needs. */
export async function formatStorage(
  program: KafkaProgram,
  config: string,
  directory: string,
  args: readonly string[],
  java: readonly string[] = []
): Promise<void> {
  const id = 'c2x1aWNlLXRlc3RzLWthZg' // 22 characters of base64url
  const line = ['format', '--standalone', '-t', id, '-c', config, ...args]
  const running = program.start('kafka.tools.StorageTool', line, directory, java)
  let output = ''
  collect(running, text => {
    output += text
  })
  const [code] = await once(running.child, 'close')
  if (code !== 0) throw new Error(`the storage cannot be formatted:\n${output}`)
}

function collect({ child }: RunningKafka, take: (text: string) => void): void {
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', take)
  child.on('error', error => take(`${error.message}\n`))
}
