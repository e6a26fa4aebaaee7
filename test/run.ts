/**
 * `npm test`: runs every test file with tap and ends with one line `N passed, N failed`.
 *
 * Words behind `npm test --` choose files or folders. The exit code is 0 only when something ran, nothing failed
 * and nothing was skipped but what SLUICE_TEST_WITHOUT names (a skip begins its reason with that name).
 */
import { spawn } from 'node:child_process'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import { redisProgram } from '../demo/redis-program.ts'
import { WITHOUT_KAFKA } from './helpers/kafka.ts'
import { classArchive } from './helpers/kafka-classes.ts'
import { kafkaProgram } from './helpers/kafka-program.ts'
import { createTapCount } from './helpers/tap-count.ts'

const ROOT = join(import.meta.dirname, '..')
const OUTPUT_KEPT = 400 // lines of a failed file
const LONG = ['chaos', 'scenario', 'crash', 'conformance', 'fuzz', 'cli'] // so that none is left alone at the end
const HOW_IT_ENDED = /^ {2}(exitCode|signal|expired): (?!null)/
const COMPILED = join(ROOT, 'node_modules/.cache/sluice-tests') // code that a thousand processes need not compile

process.exitCode = await run(process.argv.slice(2))

async function run(words: readonly string[]): Promise<number> {
  const files = filesOf(words)
  await prepare(files)
  const { SLUICE_TEST_WITHOUT = '' } = process.env
  const without = SLUICE_TEST_WITHOUT.split(',').filter(name => name !== '')
  const tap = spawn(process.execPath, [join(import.meta.dirname, 'stream.ts'), ...files], {
    cwd: ROOT,
    env: { NODE_COMPILE_CACHE: COMPILED, ...process.env },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => tap.kill(signal))
  const ended = new Promise<number>(resolve => {
    tap.on('error', () => resolve(1))
    tap.on('close', code => resolve(code ?? 1))
  })

  const count = createTapCount()
  let block: string[] = []
  for await (const line of createInterface({ input: tap.stdout })) {
    count.line(line)
    block.push(line)
    if (HOW_IT_ENDED.test(line)) process.stdout.write(`${line}\n`) // comes behind the line of a failed file
    if (!/^(ok|not ok) /.test(line)) continue
    process.stdout.write(`${line}\n`)
    if (line.startsWith('not ok')) tellBlock(block)
    block = []
  }
  const code = await ended

  const { passed, failed, failures, skipped } = count.counts()
  const unasked = skipped.filter(
    name => !without.some(one => (name.split(': ').at(-1) ?? '').startsWith(one))
  )
  for (const name of failures) process.stdout.write(`failed: ${name}\n`)
  for (const name of skipped) process.stdout.write(`skipped: ${name}\n`)
  if (without.length > 0) process.stdout.write(`run without: ${without.join(', ')}\n`)
  // tap ends with another code for what its stream does not show (a file that was not found, a hung worker).
  const silent = code !== 0 && failed + unasked.length === 0 ? 1 : 0
  if (silent === 1) process.stdout.write(`failed: the runner ended with exit code ${code}\n`)
  const bad = failed + unasked.length + silent
  process.stdout.write(`${passed} passed, ${bad} failed\n`)
  return bad === 0 && passed > 0 ? 0 : 1
}

/** What the files need from outside is fetched before they run, so that no test waits for a download. */
async function prepare(files: readonly string[]): Promise<void> {
  const texts = files
    .map(file => join(ROOT, file))
    .filter(existsSync)
    .map(file => readFileSync(file, 'utf8'))
  const redis = async () => {
    const { version, from } = await redisProgram()
    return `redis-server ${version}: ${from}`
  }
  const kafka = async () => {
    const program = await kafkaProgram()
    await classArchive(program)
    return `kafka broker: ${program.from}`
  }
  const needsKafka = texts.some(text => text.includes('helpers/kafka'))
  await Promise.all([
    texts.some(text => /redis/i.test(text)) ? tell(redis) : null,
    WITHOUT_KAFKA === false && needsKafka ? tell(kafka) : null
  ])
}

/** The tests that need what cannot be had fail with the same words. */
async function tell(found: () => Promise<string>): Promise<void> {
  const line = await found().catch(String)
  process.stdout.write(`${line}\n`)
}

/** Test files for the words given: files, folders, or everything; the folders of long ones first. */
function filesOf(words: readonly string[]): readonly string[] {
  const asked = words.length === 0 ? ['test'] : words
  return asked
    .flatMap(word => {
      if (!existsSync(word) || !statSync(word).isDirectory()) return [word]
      return globSync('**/*.test.ts', { cwd: word }).map(file => join(word, file))
    })
    .map(file => relative(ROOT, join(process.cwd(), file)))
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1))
}

function rank(file: string): number {
  const at = LONG.findIndex(folder => file.startsWith(`test/${folder}/`))
  return at < 0 ? LONG.length : at
}

function tellBlock(block: readonly string[]): void {
  const shown = block.filter(line => !/^ *(ok \d|1\.\.\d|$)/.test(line))
  for (const line of shown.slice(0, OUTPUT_KEPT)) process.stdout.write(`  ${line}\n`)
  if (shown.length > OUTPUT_KEPT)
    process.stdout.write(`  … ${shown.length - OUTPUT_KEPT} lines more\n`)
}
