/**
 * The life of one Redis process of a test: it may end and begin again, its port and directory stay.
 *
 * It is ready when it answers as the server of its own directory and has read its data, so that another server
 * on the same port is never taken for it.
 */

import type { RedisProgram, RunningRedis } from '../../demo/redis-program.ts'
import { type ConnectionOptions, connectRedis } from './redis-connection.ts'
import { until } from './until.ts'

export type RedisProcess = {
  /** Starts it and waits until it answers. Throws with its output when it does not. */
  readonly begin: () => Promise<void>
  /** Ends it with a signal, also when it is paused, and waits for its end. */
  readonly end: (signal: 'SIGTERM' | 'SIGKILL') => Promise<void>
  readonly signal: RunningRedis['signal']
  readonly pid: () => number
  readonly log: () => string
}

export type RedisPlace = {
  readonly program: RedisProgram
  readonly args: readonly string[] // the configuration file first; it is in `directory`
  readonly directory: string
  readonly access: ConnectionOptions
}

export function createRedisProcess({ program, args, directory, access }: RedisPlace): RedisProcess {
  let running: RunningRedis | null = null
  let output = ''

  const alive = () =>
    running !== null && running.child.exitCode === null && running.child.signalCode === null
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    if (running === null || !alive()) return
    const gone = new Promise(resolve => running?.child.once('close', resolve))
    running.signal(signal)
    if (signal === 'SIGTERM') running.signal('SIGCONT')
    await gone
  }
  const launch = () => {
    running = program.start(args, directory)
    const { child } = running
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    child.on('error', error => {
      output += `${error.message}\n`
    })
  }
  return {
    end,
    async begin() {
      let from = output.length
      launch()
      const failed = (why: unknown) =>
        new Error(`${program.from} did not start (${String(why)}):\n${output.slice(from)}`)
      const started = await until(
        `redis-server on port ${access.port} answers`,
        async () => {
          if (alive()) return answers(access, directory)
          // The port of a server that was just killed may be taken for a moment: try again.
          if (!/already in use/i.test(output.slice(from))) return 'ended'
          from = output.length
          launch()
          return false
        },
        { every: 10 }
      ).catch((error: unknown) => error)
      if (started === true) return
      await end('SIGKILL')
      throw failed(started)
    },
    signal: signal => running?.signal(signal),
    pid: () => running?.child.pid ?? 0,
    log: () => output
  }
}

/** It is the server of this directory and has read its data; a user who may not ask that has one who runs. */
async function answers(access: ConnectionOptions, directory: string): Promise<boolean> {
  const connection = await connectRedis({ ...access, within: 10_000 })
  try {
    const info = String(await connection.call('INFO'))
    return info.includes(directory) && !/^loading:1/m.test(info)
  } catch (error) {
    return /^(NOPERM|NOAUTH|WRONGPASS)/.test(error instanceof Error ? error.message : '')
  } finally {
    connection.close()
  }
}
