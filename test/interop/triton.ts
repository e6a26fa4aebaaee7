/**
 * NVIDIA Triton, the real server in C++, with models in Python that the repository writes.
 */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tritonEnvironment } from './environment.ts'
import { type Program, startProgram, type Teardown } from './program.ts'

const MODELS = join(import.meta.dirname, 'models')

/** The configuration of a model in Triton's own words. */
const FRAUD = `backend: "python"
max_batch_size: 0
input [
  { name: "features" data_type: TYPE_FP32 dims: [ -1, 4 ] },
  { name: "user_id" data_type: TYPE_STRING dims: [ 1 ] optional: true }
]
output [ { name: "probabilities" data_type: TYPE_FP32 dims: [ -1, 2 ] } ]
instance_group [ { count: 1 kind: KIND_CPU } ]
`
const STORIES = `backend: "python"
max_batch_size: 0
input [ { name: "text_input" data_type: TYPE_STRING dims: [ 1 ] } ]
output [ { name: "text_output" data_type: TYPE_STRING dims: [ 1 ] } ]
model_transaction_policy { decoupled: true }
instance_group [ { count: 1 kind: KIND_CPU } ]
`

export type TritonModels = {
  readonly fraud?: readonly string[] // names of models that take features
  readonly stories?: readonly string[] // of models that answer piece by piece
}

/** One server with these models; torn down with the test. */
export async function startTriton(t: Teardown, models: TritonModels): Promise<Program> {
  const { packages, backends, libraries } = await tritonEnvironment()
  return startProgram(t, ({ port, directory }) => {
    const repository = join(directory, 'models')
    for (const name of models.fraud ?? []) addModel(repository, name, FRAUD, 'triton_fraud.py')
    for (const name of models.stories ?? []) {
      addModel(repository, name, STORIES, 'triton_stories.py')
    }
    const flags = {
      'model-repository': repository,
      'backend-directory': backends,
      'http-address': '127.0.0.1',
      'http-port': String(port),
      'allow-grpc': 'false',
      'allow-metrics': 'false'
    }
    return {
      program: join(packages, 'pytriton/tritonserver/bin/tritonserver'),
      args: Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`),
      env: { LD_LIBRARY_PATH: `${join(packages, 'nvidia_pytriton.libs')}:${libraries}` }
    }
  })
}

function addModel(repository: string, name: string, config: string, file: string): void {
  const version = join(repository, name, '1')
  mkdirSync(version, { recursive: true })
  writeFileSync(join(repository, name, 'config.pbtxt'), config)
  copyFileSync(join(MODELS, file), join(version, 'model.py'))
  copyFileSync(join(MODELS, 'fraud.py'), join(version, 'fraud.py'))
}
