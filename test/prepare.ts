/**
 * Fetches what the tests need from outside, all at the same time: acceptance runs it beside its first steps.
 *
 * Nothing depends on it. Who needs a thing that is not there yet waits for it or makes it, and says why it cannot be
 * had; here that is a line and no failure.
 */
import { redisProgram } from '../demo/redis-program.ts'
import { WITHOUT_KAFKA } from './helpers/kafka.ts'
import { classArchive } from './helpers/kafka-classes.ts'
import { kafkaProgram } from './helpers/kafka-program.ts'
import { kserveEnvironment, tritonEnvironment } from './interop/environment.ts'

await Promise.all([
  made('redis-server', redisProgram),
  made('Kafka', async () => {
    if (WITHOUT_KAFKA === false) await classArchive(await kafkaProgram())
  }),
  made('Triton', tritonEnvironment),
  made('KServe', kserveEnvironment)
])

async function made(what: string, make: () => Promise<unknown>): Promise<void> {
  const began = performance.now()
  const ended = await make().then(
    () => 'is there',
    error => `is not there: ${error instanceof Error ? error.message : error}`
  )
  const seconds = ((performance.now() - began) / 1000).toFixed(0)
  process.stdout.write(`${what} ${ended} (${seconds} s)\n`)
}
