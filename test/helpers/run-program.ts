/**
 * A program that is run to its end for what it does: an installer, a compiler.
 */
import { spawn } from 'node:child_process'
import { leash } from '../../demo/leash.ts'

const KEPT = 8_000 // characters of output

/** Runs it with nothing on its input. Throws the end of its output when it fails or is not there. */
export async function runProgram(
  program: string,
  args: readonly string[],
  { cwd, env = process.env }: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {}
): Promise<void> {
  const child = spawn(program, [...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  leash(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-KEPT)
    })
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${output}`)
}
