/**
 * Environments of Python with one model server each, below node_modules/.cache: made once from the exact packages of
 * requirements/NAME.txt, with their digests. Another list makes another environment.
 */
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import { filledOnce } from '../../demo/filled-once.ts'
import { runProgram } from '../helpers/run-program.ts'
import { ROOT } from '../helpers/sluice.ts'
import { findPython } from './python.ts'

export type Environment = {
  readonly directory: string
  readonly python: string // its program
  readonly packages: string // its site-packages
  readonly backends: string // folder of the backends of Triton
  readonly libraries: string // folder of Python's own
}

const CACHE = join(ROOT, 'node_modules/.cache')
const PIP = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-compile']
const EXACTLY = ['--require-hashes', '--no-deps', '--only-binary', ':all:', '-r']

/** KServe's. Throws what is missing. */
export function kserveEnvironment(): Promise<Environment> {
  return environment('kserve', () => undefined)
}

/** Triton's, with its backend for models in Python put together. Throws what is missing. */
export function tritonEnvironment(): Promise<Environment> {
  return environment('triton', ({ packages, backends }) => {
    const server = join(packages, 'pytriton/tritonserver')
    const backend = join(backends, 'python')
    mkdirSync(backend, { recursive: true })
    cpSync(join(server, 'backends/python'), backend, { recursive: true })
    cpSync(join(server, 'python_backend_stubs/3.11'), backend, { recursive: true })
    // The interpreter in the stub is isolated: of all places of ours it looks here alone.
    for (const name of ['numpy', 'numpy.libs']) {
      symlinkSync(relative(backend, join(packages, name)), join(backend, name))
    }
  })
}

async function environment(
  name: string,
  finish: (environment: Environment) => void
): Promise<Environment> {
  const { program, libraries } = findPython()
  const requirements = join(import.meta.dirname, 'requirements', `${name}.txt`)
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex')
  const directory = join(CACHE, `sluice-${name}-${digest.slice(0, 16)}`)
  if (!existsSync(directory)) {
    await filledOnce(directory, async work => {
      await runProgram(program, ['-m', 'venv', work])
      const made = environmentAt(work, libraries)
      await runProgram(made.python, [...PIP, ...EXACTLY, requirements])
      finish(made)
    })
  }
  return environmentAt(directory, libraries)
}

function environmentAt(directory: string, libraries: string): Environment {
  return {
    directory,
    python: join(directory, 'bin/python'),
    packages: join(directory, 'lib/python3.11/site-packages'),
    backends: join(directory, 'backends'),
    libraries
  }
}
