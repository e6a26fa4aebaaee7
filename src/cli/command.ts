/**
 * What a verb is: its words and options, its help, and what it does with them.
 *
 * A verb is a thin client of the admin API. It decides nothing that the API decides, and its exit code says how
 * it went (exit.ts). Help shows examples first, then what the verb causes.
 */
import type { KafkaSettings, RedisSettings } from '../config/config.ts'
import type { Api } from './api.ts'
import type { Arguments, OptionSpecs } from './args.ts'
import type { Exit } from './exit.ts'
import type { Screen } from './screen.ts'

/** Options of every verb that asks the admin API; the others take some of them. */
export type CommonOption =
  | 'admin'
  | 'token-file'
  | 'state'
  | 'timeout'
  | 'json'
  | 'no-color'
  | 'help'

export type Command = {
  readonly name: string
  readonly summary: string // one line of the overview
  readonly usage: string // words behind `sluice`
  readonly examples: readonly string[]
  readonly help: string // consequences, in sentences
  readonly options: OptionSpecs
  readonly common?: readonly CommonOption[] // those it takes, where it does not ask the admin API
  readonly words: readonly [number, number] // fewest and most
  readonly run: (context: Context) => Promise<Exit>
}

export type Context = {
  readonly args: Arguments
  readonly json: boolean
  readonly screen: Screen
  readonly api: Api
  readonly serve: (options: ServeOptions) => Promise<number>
  readonly redisProblems: RedisProblems
  readonly kafkaProblems: KafkaProblems
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Connects to the shared store; one sentence for each thing that is wrong with it. */
export type RedisProblems = (settings: RedisSettings) => Promise<readonly string[]>

/** Connects to the brokers; what is wrong with each, or with all of them. */
export type KafkaProblems = (
  settings: KafkaSettings
) => Promise<readonly { readonly broker: string; readonly message: string }[]>

export type ServeOptions = {
  readonly file: string
  readonly watch: boolean
  readonly env: Readonly<Record<string, string | undefined>>
}
