/**
 * One model server that is no program of ours: a port of its own, ready when its protocol says so, and models that
 * break as a test tells them.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { leash } from '../../demo/leash.ts'
import { freePort } from '../helpers/ports.ts'
import { temporaryDirectory } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'

/** How a model breaks: models/fraud.py. */
export type Fault = 'nan' | 'infinity' | 'raise'

export type Program = {
  readonly url: string // http://127.0.0.1:port
  readonly startedMs: number // until it was ready
  /** Breaks a model from the next request on, or heals it. */
  readonly fault: (model: string, fault: Fault | null) => void
}

export type Teardown = { teardown(done: () => unknown): unknown }

/** What to start: `directory` is for its files and has the faults in it. */
export type Launch = (place: { readonly port: number; readonly directory: string }) => {
  readonly program: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

const READY_WITHIN = 120_000
const KEPT = 32_000 // characters of output

/** Starts it and waits until `/v2/health/ready` says yes. Throws with its output when it ends before. */
export async function startProgram(t: Teardown, launch: Launch): Promise<Program> {
  const directory = temporaryDirectory(t)
  const faults = join(directory, 'faults')
  mkdirSync(faults)
  const port = await freePort()
  const { program, args, env } = launch({ port, directory })
  const began = performance.now()
  const child = spawn(program, [...args], {
    cwd: directory,
    env: { ...process.env, ...env, FAULTS: faults },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  leash(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-KEPT)
    })
  }
  const exited = new Promise<void>(resolve => {
    child.once('error', () => resolve())
    child.once('close', () => resolve())
  })
  t.teardown(() => end(child, exited))

  const url = `http://127.0.0.1:${port}`
  const state = await until(
    `${program} to be ready`,
    async () => {
      if (child.exitCode !== null || child.signalCode !== null) return 'ended'
      const answer = await fetch(`${url}/v2/health/ready`)
      await answer.body?.cancel()
      return answer.status === 200 && 'ready'
    },
    { within: READY_WITHIN, every: 50 }
  ).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${output}`)
  })
  if (state === 'ended') throw new Error(`${program} ended with ${child.exitCode}\n${output}`)
  return {
    url,
    startedMs: performance.now() - began,
    fault(model, fault) {
      const file = join(faults, model)
      if (fault === null) return rmSync(file, { force: true })
      writeFileSync(`${file}.new`, fault)
      renameSync(`${file}.new`, file) // a model never reads half of it
    }
  }
}

/** SIGTERM, and SIGKILL for one that does not go in 15 s. */
async function end(child: ChildProcess, exited: Promise<void>): Promise<void> {
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 15_000)
  await exited
  clearTimeout(timer)
}
