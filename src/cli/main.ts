/**
 * The CLI: finds the verb, checks the words, runs it, and turns what happened into a sentence and an exit code.
 *
 * The router itself comes in as `serve`, and the looks at its store and brokers as `redisProblems` and
 * `kafkaProblems`, so that this layer knows nothing of planes and adapters, and every other verb starts without
 * loading them.
 */
import { nearest } from '../config/diagnostics.ts'
import { SluiceError } from '../errors.ts'
import { type Api, apiAt } from './api.ts'
import {
  type Arguments,
  argumentsOf,
  type OptionSpec,
  type OptionSpecs,
  usage,
  verbOf
} from './args.ts'
import type {
  Command,
  CommonOption,
  Context,
  KafkaProblems,
  RedisProblems,
  ServeOptions
} from './command.ts'
import { check } from './commands/check.ts'
import { clear } from './commands/clear.ts'
import { decisions } from './commands/decisions.ts'
import { explain } from './commands/explain.ts'
import { healthcheck } from './commands/healthcheck.ts'
import { pause, resume } from './commands/pause.ts'
import { rollback } from './commands/rollback.ts'
import { routes } from './commands/routes.ts'
import { serve } from './commands/serve.ts'
import { shadow } from './commands/shadow.ts'
import { status } from './commands/status.ts'
import { version } from './commands/version.ts'
import { weights } from './commands/weights.ts'
import { EXIT } from './exit.ts'
import { overview, page } from './help.ts'
import { type Screen, screenOver } from './screen.ts'
import { findToken, type Token } from './token.ts'

const COMMANDS: readonly Command[] = [
  serve,
  check,
  status,
  routes,
  weights,
  pause,
  resume,
  rollback,
  clear,
  shadow,
  explain,
  decisions,
  healthcheck,
  version
]

const DEFAULT_ADMIN = 'http://127.0.0.1:9911'
const DEFAULT_TIMEOUT_MS = 10_000

const COMMON: Readonly<Record<CommonOption, OptionSpec>> = {
  admin: { value: 'URL', text: `the admin API; else SLUICE_ADMIN, else ${DEFAULT_ADMIN}` },
  'token-file': {
    value: 'FILE',
    text: 'the token; else SLUICE_TOKEN_FILE, else SLUICE_TOKEN, else operator.token of'
  },
  state: {
    value: 'DIRECTORY',
    text: 'the state directory of a local router; else SLUICE_STATE, else ./state'
  },
  timeout: { value: 'SECONDS', text: 'how long to wait for the admin API (10)' },
  json: { text: 'JSON instead of text; what the API says is unchanged' },
  'no-color': { text: 'no colour (nor with NO_COLOR set, nor in a pipe)' },
  help: { short: 'h', text: 'what the verb does and causes' }
}

export type CliOptions = {
  readonly argv: readonly string[] // without node and script
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  readonly serve: (options: ServeOptions) => Promise<number>
  readonly redisProblems: RedisProblems
  readonly kafkaProblems: KafkaProblems
}

/** Runs one command line and resolves with its exit code; never rejects for what a person can cause. */
export async function cli(options: CliOptions): Promise<number> {
  const screen = screenOver(options.stdout, options.stderr, wantsColour(options))
  try {
    return await dispatch(options, screen)
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error
    const { exit = EXIT.usage, problem } = error.details
    if (options.argv.includes('--json') && problem !== undefined) screen.json(problem)
    screen.note(`sluice: ${error.message}`)
    return Number(exit)
  }
}

async function dispatch(options: CliOptions, screen: Screen): Promise<number> {
  const { argv } = options
  const found = verbOf(argv, COMMON)
  if (found === null) {
    const asked = argumentsOf(argv, { ...COMMON, version: { short: 'v', text: '' } }, 'version')
    if (asked.flag('version')) return run(options, screen, version, [])
    if (asked.flag('help')) screen.line(overview(COMMANDS, COMMON))
    else screen.note(overview(COMMANDS, COMMON))
    return asked.flag('help') ? EXIT.ok : EXIT.usage
  }
  if (found.verb !== 'help') return run(options, screen, commandOf(found.verb), found.rest)
  const about = verbOf(found.rest, COMMON)
  const verb = about === null || about.verb === 'help' ? null : commandOf(about.verb)
  screen.line(verb ? page(verb, commonOf(verb)) : overview(COMMANDS, COMMON))
  return EXIT.ok
}

async function run(
  options: CliOptions,
  screen: Screen,
  command: Command,
  rest: readonly string[]
): Promise<number> {
  const common = commonOf(command)
  const args = argumentsOf(rest, { ...common, ...command.options }, command.name)
  if (args.flag('help')) {
    screen.line(page(command, common))
    return EXIT.ok
  }
  const [fewest, most] = command.words
  if (args.words.length < fewest || args.words.length > most) {
    const what = args.words.length < fewest ? 'something is missing' : 'there are too many words'
    throw usage(`${what}: sluice ${command.usage}`, command.name)
  }
  const context: Context = {
    args,
    screen,
    json: args.flag('json'),
    api: apiOf(args, options.env),
    env: options.env,
    serve: options.serve,
    redisProblems: options.redisProblems,
    kafkaProblems: options.kafkaProblems
  }
  return command.run(context)
}

/** The common options that a verb takes. */
function commonOf({ common }: Command): OptionSpecs {
  if (common === undefined) return COMMON
  return Object.fromEntries(common.map(name => [name, COMMON[name]]))
}

function commandOf(verb: string): Command {
  const command = COMMANDS.find(({ name }) => name === verb)
  if (command !== undefined) return command
  const names = COMMANDS.map(({ name }) => name)
  const near = nearest(verb, names)
  const other = near === null ? `; verbs are ${names.join(', ')}` : `, did you mean "${near}"?`
  throw usage(`there is no verb "${verb}"${other}`)
}

function apiOf(args: Arguments, env: CliOptions['env']): Api {
  const { SLUICE_ADMIN } = env
  let token: Token | undefined
  return apiAt({
    base: args.value('admin') ?? (SLUICE_ADMIN || DEFAULT_ADMIN),
    timeoutMs: timeoutOf(args.value('timeout')),
    token: () => {
      token ??= findToken({ file: args.value('token-file'), state: args.value('state'), env })
      return token
    }
  })
}

function timeoutOf(text: string | undefined): number {
  if (text === undefined) return DEFAULT_TIMEOUT_MS
  const seconds = Number(text)
  if (seconds > 0 && seconds <= 3600) return seconds * 1000
  throw usage(`--timeout is a number of seconds up to 3600, not "${text}"`)
}

function wantsColour({ argv, env }: CliOptions): boolean {
  const { NO_COLOR, TERM } = env
  return !argv.includes('--no-color') && (NO_COLOR ?? '') === '' && TERM !== 'dumb'
}
