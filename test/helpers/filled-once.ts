/**
 * A directory that is filled once from outside (packages, environments) and used by every later run.
 *
 * A mark inside says for which `key` it is complete; it is written last, so what was broken off is done again, and
 * another key begins anew. Of several processes one fills and the others wait: the lock is an abstract socket of
 * Linux, which the kernel frees with its owner, so none is ever stale.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { dirname } from 'node:path'
import { performance } from 'node:perf_hooks'
import { leash } from '../../demo/leash.ts'
import { until } from './until.ts'

export type Filling = {
  readonly mark: string // file inside of the directory; says that it is complete
  readonly directory: string // emptied before it is filled
  readonly key: string // what it is filled with: a lock file's text, versions
  readonly fill: () => Promise<void>
  readonly withinMs: number // for one who waits for another's
}

/** Fills it unless it is. Gives the ms that it took, null when nothing was to do. Throws what `fill` throws. */
export async function filledOnce(filling: Filling): Promise<number | null> {
  const { directory, mark, fill } = filling
  const key = createHash('sha256').update(filling.key).digest('hex')
  const complete = () => existsSync(mark) && readFileSync(mark, 'utf8') === key
  if (complete()) return null
  const name = createHash('sha256').update(directory).digest('hex')
  const lock = await until(`the lock of ${directory}`, () => take(`\0sluice-filled-${name}`), {
    within: filling.withinMs,
    every: 100
  })
  try {
    if (complete()) return null
    const began = performance.now()
    rmSync(directory, { recursive: true, force: true })
    mkdirSync(dirname(directory), { recursive: true })
    await fill()
    writeFileSync(mark, key)
    return performance.now() - began
  } finally {
    lock.close()
  }
}

/** Runs a program to its end, with nothing on its input. Throws its last output when it fails. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { cwd, env = process.env }: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {}
): Promise<string> {
  const child: ChildProcess = spawn(program, [...args], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe']
  })
  leash(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-8_000)
    })
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${output}`)
  return output
}

/** The lock, or undefined while somebody has it. */
function take(name: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer(socket => socket.destroy())
    server.once('error', error => {
      if ('code' in error && error.code === 'EADDRINUSE') resolve(undefined)
      else reject(error)
    })
    server.listen(name, () => resolve(server))
  })
}
