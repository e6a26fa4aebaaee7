/**
 * Children on a leash: whatever ends this process, kill -9 included, ends them too.
 *
 * One shell beside us reads which children live and which are gone. When its input ends, because we did, it
 * kills those that are left. Nothing of it is felt by a child.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Writable } from 'node:stream'

const SCRIPT = `
living=' '
while read -r change pid; do
  case $change in
    +) living="$living$pid " ;;
    -) living=$(printf '%s' "$living" | sed "s/ $pid / /") ;;
  esac
done
[ -z "\${living# }" ] || kill -9 $living 2>/dev/null
`

let keeper: Writable | null = null

/** Puts a child that was just started on the leash, until it ends. */
export function leash(child: ChildProcess): void {
  const { pid } = child
  if (pid === undefined) return
  keeper ??= startKeeper()
  keeper.write(`+ ${pid}\n`)
  child.once('exit', () => keeper?.write(`- ${pid}\n`))
}

function startKeeper(): Writable {
  const shell = spawn('/bin/sh', ['-c', SCRIPT], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true // a Ctrl-C ends us, and our end ends it
  })
  shell.unref()
  if ('unref' in shell.stdin && typeof shell.stdin.unref === 'function') shell.stdin.unref()
  shell.stdin.on('error', () => {}) // it is gone: children are on their own again
  return shell.stdin
}
