/**
 * Fetches the packages of the language model server: exactly those of package-lock.json, without the optional ones,
 * which weigh a gigabyte. Done once, below node_modules/.cache of the repository; a changed lock file does it again.
 */
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { filledOnce } from '../../demo/filled-once.ts'
import { runProgram } from '../helpers/run-program.ts'
import { ROOT } from '../helpers/sluice.ts'

const FILES = ['package.json', 'package-lock.json', '.npmrc']
const OWN_TO_A_RUN = /^npm_(package_|lifecycle_|config_(local_)?prefix$|config_global)/

/** Path of the folder `node_modules` that has them, filled now when it is not there. Throws how to get it. */
export async function installLlm(): Promise<string> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `The language model server of the tests needs Linux on x64, this is ${process.platform} on ` +
        `${process.arch}. Run the tests there, or leave it out: SLUICE_TEST_WITHOUT=llm npm test`
    )
  }
  const lock = readFileSync(join(import.meta.dirname, 'package-lock.json'))
  const digest = createHash('sha256').update(lock).digest('hex').slice(0, 16)
  const directory = join(ROOT, 'node_modules/.cache', `sluice-llm-${digest}`)
  if (!existsSync(directory)) await filledOnce(directory, install)
  return join(directory, 'node_modules')
}

async function install(directory: string): Promise<void> {
  for (const file of FILES) copyFileSync(join(import.meta.dirname, file), join(directory, file))
  // An npm above us speaks of its own run in the environment; ours is another folder's.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !OWN_TO_A_RUN.test(name))
  )
  const args = ['ci', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund']
  await runProgram('npm', args, { cwd: directory, env }).catch((error: unknown) => {
    throw new Error(
      'The packages of the language model server cannot be installed. ' +
        'Run `npm ci` in test/llm and see why, or leave it out: SLUICE_TEST_WITHOUT=llm npm test',
      { cause: error }
    )
  })
}
