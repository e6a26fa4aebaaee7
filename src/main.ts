/**
 * Process entry: gives the command line to the CLI and makes its exit code the process's.
 *
 * The router is loaded only for `serve`, so that every other verb starts quickly. A reader of our output that
 * goes away (`sluice status | head`) is no error.
 */
import { cli } from './cli/main.ts'

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

process.exitCode = await cli({
  argv: process.argv.slice(2),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  serve: async options => {
    const { serve } = await import('./serve.ts')
    return serve(options)
  }
})
