/**
 * Environments of Python with one model server each, below node_modules/.cache: made once from the exact packages of
 * requirements/NAME.txt, with their digests. Another list makes another environment.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import { filledOnce } from '../../demo/filled-once.ts'
import { runProgram } from '../helpers/run-program.ts'
import { ROOT } from '../helpers/sluice.ts'
import { findPython, type Python } from './python.ts'

export type Environment = {
  readonly directory: string
  readonly python: string // its program
  readonly packages: string // its site-packages
  readonly backends: string // folder of the backends of Triton
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
  return environment('triton', ({ packages, backends }, python) => {
    const server = join(packages, 'pytriton/tritonserver')
    const backend = join(backends, 'python')
    mkdirSync(backend, { recursive: true })
    cpSync(join(server, 'backends/python'), backend, { recursive: true })
    cpSync(join(server, 'python_backend_stubs/3.11'), backend, { recursive: true })
    // The interpreter in the stub is isolated: of all places of ours it looks here alone.
    for (const name of ['numpy', 'numpy.libs']) {
      symlinkSync(relative(backend, join(packages, name)), join(backend, name))
    }
    checkStub(join(backend, 'triton_python_backend_stub'), python)
  })
}

async function environment(
  name: string,
  finish: (environment: Environment, python: Python) => void
): Promise<Environment> {
  const found = findPython()
  const requirements = join(import.meta.dirname, 'requirements', `${name}.txt`)
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex')
  const directory = join(CACHE, `sluice-${name}-${digest.slice(0, 16)}`)
  if (!existsSync(directory)) {
    await filledOnce(directory, async work => {
      await runProgram(found.program, ['-m', 'venv', work])
      const made = environmentAt(work)
      await runProgram(made.python, [...PIP, ...EXACTLY, requirements])
      finish(made, found)
    })
  }
  return environmentAt(directory)
}

function environmentAt(directory: string): Environment {
  return {
    directory,
    python: join(directory, 'bin/python'),
    packages: join(directory, 'lib/python3.11/site-packages'),
    backends: join(directory, 'backends')
  }
}

/** Every library of the stub is here, or it would die without a word. */
function checkStub(stub: string, { libraries }: Python): void {
  const env = { ...process.env, LD_LIBRARY_PATH: libraries }
  const missing = execFileSync('ldd', [stub], { encoding: 'utf8', env })
    .split('\n')
    .filter(line => /libpython.*not found/.test(line))
  if (missing.length === 0) return
  throw new Error(
    `Triton needs the shared library of Python 3.11 and it is not here:${missing.join(';')}. ` +
      'Install it: apt-get install libpython3.11'
  )
}
