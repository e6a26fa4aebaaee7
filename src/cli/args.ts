/**
 * What was typed: a verb, its options and its words.
 *
 * Every option is declared by its command; an unknown one is an error with the nearest word that would have been
 * right, never a guess. Options may stand before or behind the verb.
 */
import { parseArgs } from 'node:util'
import { hint } from '../config/diagnostics.ts'
import { fail, type SluiceError } from '../errors.ts'

/** `value` names the value in the help; without it the option is a flag. `many` may be given several times. */
export type OptionSpec = {
  readonly value?: string
  readonly short?: string
  readonly many?: boolean
  readonly text: string
}
export type OptionSpecs = Readonly<Record<string, OptionSpec>>

export type Arguments = {
  readonly words: readonly string[] // without the verb
  readonly flag: (name: string) => boolean
  readonly value: (name: string) => string | undefined
  readonly values: (name: string) => readonly string[]
}

/** The first word of `argv` that is not an option or the value of one of `options`; null when there is none. */
export function verbOf(
  argv: readonly string[],
  options: OptionSpecs
): { readonly verb: string; readonly rest: readonly string[] } | null {
  const found = tokensOf(argv, options).find(token => token.kind === 'positional')
  if (found?.kind !== 'positional') return null
  return { verb: found.value, rest: argv.filter((_, index) => index !== found.index) }
}

/** Parses what follows the verb. Throws SLC_CLI_USAGE (exit code 2) on anything that was not declared. */
export function argumentsOf(
  argv: readonly string[],
  options: OptionSpecs,
  verb: string
): Arguments {
  const given = new Map<string, string[]>()
  const words: string[] = []
  for (const token of tokensOf(argv, options)) {
    if (token.kind === 'positional') words.push(token.value)
    if (token.kind !== 'option') continue
    const spec = options[token.name]
    if (spec === undefined) throw unknown(token.rawName, options, verb)
    const value = token.value ?? ''
    if (spec.value === undefined && token.value !== undefined) {
      throw usage(`${token.rawName} takes no value`, verb)
    }
    if (
      spec.value !== undefined &&
      (value === '' || (value.startsWith('-') && !token.inlineValue))
    ) {
      throw usage(`${token.rawName} needs a value: ${token.rawName}=${spec.value}`, verb)
    }
    const before = given.get(token.name)
    if (before !== undefined && spec.many !== true && spec.value !== undefined) {
      throw usage(`${token.rawName} was given twice`, verb)
    }
    given.set(token.name, [...(before ?? []), value])
  }
  return {
    words,
    flag: name => given.has(name),
    value: name => given.get(name)?.[0],
    values: name => given.get(name) ?? []
  }
}

/** The error of a command line that cannot be meant: one sentence and where the help is. */
export function usage(what: string, verb: string | null = null): SluiceError {
  const page = verb === null ? 'sluice help' : `sluice help ${verb}`
  return fail('SLC_CLI_USAGE', [what.endsWith('?') ? what : `${what}.`, page], { exit: 2 })
}

function unknown(rawName: string, options: OptionSpecs, verb: string): SluiceError {
  const names = Object.keys(options).map(name => `--${name}`)
  return usage(`there is no option "${rawName}"${hint(rawName, names)}`, verb)
}

function tokensOf(argv: readonly string[], options: OptionSpecs) {
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: Object.fromEntries(
      Object.entries(options).map(([name, spec]) => [
        name,
        {
          type: spec.value === undefined ? ('boolean' as const) : ('string' as const),
          ...(spec.short === undefined ? {} : { short: spec.short })
        }
      ])
    )
  })
  return tokens
}
