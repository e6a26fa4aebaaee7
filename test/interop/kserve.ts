/**
 * KServe's own model server in Python, with a model class that the repository writes.
 */
import { join } from 'node:path'
import { kserveEnvironment } from './environment.ts'
import { type Program, startProgram, type Teardown } from './program.ts'

/** One server with a model behind each name; torn down with the test. */
export async function startKserve(t: Teardown, models: readonly string[]): Promise<Program> {
  const { python } = await kserveEnvironment()
  return startProgram(t, ({ port }) => ({
    program: python,
    args: [
      join(import.meta.dirname, 'models/kserve_server.py'),
      '--http_port',
      String(port),
      '--models',
      ...models
    ],
    env: { PYTHONDONTWRITEBYTECODE: '' } // the first start compiles, later ones need not
  }))
}
