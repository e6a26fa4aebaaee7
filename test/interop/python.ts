/**
 * The Python of the interop suite: CPython 3.11 on Linux x64 with venv, pip and its shared library, because the servers
 * are binary packages for just that.
 *
 * SLUICE_PYTHON names one; else python3.11, python3 and python on the PATH are asked. Nothing is installed.
 */
import { spawnSync } from 'node:child_process'

export type Python = {
  readonly program: string
  readonly libraries: string // directory of its shared library, where it has one
}

const LIBRARY = 'libpython3.11.so.1.0' // Triton loads it

const QUESTION = `
import ctypes, ensurepip, json, os, sys, sysconfig, venv
def loads(path):
    try:
        ctypes.CDLL(path)
        return True
    except OSError:
        return False
libraries = sysconfig.get_config_var('LIBDIR') or ''
print(json.dumps({
  'version': sys.version.split()[0],
  'implementation': sys.implementation.name,
  'libraries': libraries,
  'shared': loads(os.path.join(libraries, '${LIBRARY}')) or loads('${LIBRARY}')
}))`

/** The first that will do. Throws what is missing and how to get it. */
export function findPython(): Python {
  const python = firstOf()
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `The model servers of the interop suite are programs for Linux on x64, this is ` +
        `${process.platform} on ${process.arch}. Run it there.`
    )
  }
  return python
}

function firstOf(): Python {
  const { SLUICE_PYTHON } = process.env
  const names = SLUICE_PYTHON ? [SLUICE_PYTHON] : ['python3.11', 'python3', 'python']
  const refusals: string[] = []
  for (const name of names) {
    const found = ask(name)
    if (typeof found !== 'string') return found
    refusals.push(`${name}: ${found}`)
  }
  throw new Error(
    `The interop suite needs Python 3.11 with venv, and there is none (${refusals.join('; ')}). ` +
      'Install it (apt-get install python3.11 python3.11-venv libpython3.11) or set SLUICE_PYTHON to its path.'
  )
}

/** The Python behind a name, or why it will not do. */
function ask(program: string): Python | string {
  const { stdout, stderr, status, error } = spawnSync(program, ['-c', QUESTION], {
    encoding: 'utf8'
  })
  if (error) return 'not found'
  if (status !== 0) return stderr.trim().split('\n').at(-1) ?? `exit code ${status}`
  const { version, implementation, libraries, shared }: Readonly<Record<string, unknown>> =
    JSON.parse(stdout)
  if (!/^3\.11\./.test(String(version)) || implementation !== 'cpython') {
    return `${implementation} ${version}`
  }
  if (shared !== true) return `no ${LIBRARY}`
  return { program, libraries: String(libraries) }
}
