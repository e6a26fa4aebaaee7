/**
 * Process entry: gives the command line to the CLI and makes its exit code the process's.
 *
 * The router is loaded only for `serve`, and the clients of store and brokers where a check asks for them, so that
 * every other verb starts quickly. A reader of our output that goes away (`sluice status | head`) is no error.
 * Output that cannot be written (a full disk) ends a verb with exit code 3, for what it did is not known to its
 * reader; it never ends a router.
 */
import { EXIT } from './cli/exit.ts'
import { cli } from './cli/main.ts'

let serving = false

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return
    if (serving) throw error // told and survived, in serve.ts
    if (stream === process.stdout) {
      const sentence = `sluice: the output could not be written (${error.code}); what was asked may have been done`
      process.stderr.write(`${sentence}\n`)
    }
    process.exit(EXIT.inconclusive)
  })
}

process.exitCode = await cli({
  argv: process.argv.slice(2),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  serve: async options => {
    serving = true
    const { serve } = await import('./serve.ts')
    return serve(options)
  },
  redisProblems: async settings => {
    const { checkRedis } = await import('./io/redis/server-check.ts')
    return checkRedis(settings)
  },
  kafkaProblems: async settings => {
    const { checkBrokers } = await import('./io/kafka/broker-check.ts')
    return checkBrokers(settings)
  }
})
