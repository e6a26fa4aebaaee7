/**
 * Puts the packages of the language model server beside it: exactly those of package-lock.json, without the optional
 * ones, which weigh a gigabyte. Done once; a changed lock file does it again.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { filledOnce, runProgram } from '../helpers/filled-once.ts'

const HERE = import.meta.dirname
const MODULES = join(HERE, 'node_modules')
const WITHIN = 300_000 // ms, for one who waits for another's installation
const OWN_TO_A_RUN = /^npm_(package_|lifecycle_|config_(local_)?prefix$|config_global)/

/** Installs what is missing. Gives the ms that it took, null when all was there. Throws with the way to get it. */
export async function installLlm(): Promise<number | null> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `The language model server of the tests needs Linux on x64, this is ${process.platform} on ` +
        `${process.arch}. Run the tests there, or leave it out: SLUICE_TEST_WITHOUT=llm npm test`
    )
  }
  // An npm above us speaks of its own run in the environment; ours is another folder's.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !OWN_TO_A_RUN.test(name))
  )
  return filledOnce({
    directory: MODULES,
    mark: join(MODULES, '.complete'),
    key: readFileSync(join(HERE, 'package-lock.json'), 'utf8'),
    withinMs: WITHIN,
    fill: async () => {
      const args = ['ci', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund']
      await runProgram('npm', args, { cwd: HERE, env }).catch((error: unknown) => {
        throw new Error(
          'The packages of the language model server cannot be installed. ' +
            'Run `npm ci` in test/llm and see why, or leave it out: SLUICE_TEST_WITHOUT=llm npm test',
          { cause: error }
        )
      })
    }
  })
}
