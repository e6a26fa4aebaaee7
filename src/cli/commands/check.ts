/** `sluice check`: everything that is wrong with a configuration, before it is served; the same check as serve's. */
import type { Config, RedisSettings } from '../../config/config.ts'
import { formatProblem } from '../../config/diagnostics.ts'
import type { OnlineProblem } from '../../config/online.ts'
import type { Command, KafkaProblems, RedisProblems } from '../command.ts'
import { EXIT } from '../exit.ts'
import { clean } from '../screen.ts'

export const check: Command = {
  name: 'check',
  summary: 'check a configuration and say everything that is wrong with it',
  usage: 'check [FILE=./sluice.yaml] [--online]',
  examples: ['sluice check sluice.yaml', 'sluice check sluice.yaml --online'],
  help: `Prints every problem with file, line, column and path; exit code 2 when there is one.
Warnings are of what is legal and dangerous, and do not change the exit code.
--online also connects to every upstream, to Redis and to Kafka; one that does not accept, a Redis that is not
fit to keep state, and a topic that is missing, are exit code 1. It writes nothing that stays.
Variables and secrets are read as serve would read them, so check where it will run.`,
  options: { online: { text: 'connect to every upstream, to Redis and to Kafka too' } },
  common: ['json', 'help'],
  words: [0, 1],
  async run({ args, env, json, screen, redisProblems, kafkaProblems }) {
    const file = args.words[0] ?? './sluice.yaml'
    const { loadConfig } = await import('../../config/load.ts')
    const loaded = await loadConfig(file, env)
    if (!loaded.ok) {
      const { problems } = loaded
      if (json) screen.json({ ok: false, problems, warnings: [], unreachable: [] })
      else {
        for (const problem of problems) screen.line(clean(formatProblem(problem)))
        screen.note(`${file}: ${count(problems.length, 'problem')}`)
      }
      return EXIT.usage
    }
    const { warnings } = loaded
    const unreachable = args.flag('online')
      ? await unreachableOf(loaded.config, redisProblems, kafkaProblems)
      : []
    if (json) screen.json({ ok: unreachable.length === 0, problems: [], warnings, unreachable })
    else {
      for (const warning of warnings) screen.line(clean(`warning: ${formatProblem(warning)}`))
      for (const { path, message } of unreachable) screen.line(clean(`${file} ${path}: ${message}`))
      const routes = count(loaded.config.routes.length, 'route')
      if (unreachable.length === 0) screen.line(`${file} is valid: ${routes}`)
    }
    return unreachable.length === 0 ? EXIT.ok : EXIT.negative
  }
}

async function unreachableOf(
  config: Config,
  redisProblems: RedisProblems,
  kafkaProblems: KafkaProblems
): Promise<readonly OnlineProblem[]> {
  const { checkOnline } = await import('../../config/online.ts')
  const { redis } = config.state
  const { kafka } = config.events
  const found = await Promise.all([
    redis === null ? [] : redisProblems(redis).then(sentences => problemsOf(redis, sentences)),
    kafka === null ? [] : kafkaProblems(kafka).then(problems => problems.map(problemOf)),
    checkOnline(config)
  ])
  return found.flat()
}

function problemsOf(redis: RedisSettings, sentences: readonly string[]): readonly OnlineProblem[] {
  const scheme = redis.tls === null ? 'redis' : 'rediss'
  const places = redis.nodes.map(({ host, port }) =>
    host.includes(':') ? `${scheme}://[${host}]:${port}` : `${scheme}://${host}:${port}`
  )
  const upstream = places.join(', ')
  return sentences.map(sentence => ({
    path: 'state.redis',
    upstream,
    address: null,
    message: `${upstream}: ${sentence}`
  }))
}

function problemOf({
  broker,
  message
}: {
  readonly broker: string
  readonly message: string
}): OnlineProblem {
  return {
    path: 'events.kafka',
    upstream: broker,
    address: null,
    message: `${broker}: ${message}`
  }
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`
}
