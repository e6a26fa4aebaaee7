/**
 * The help texts, made from the table of commands so that they cannot disagree with what is parsed.
 *
 * A page shows examples first, then what the verb causes, then its options.
 */
import type { OptionSpecs } from './args.ts'
import type { Command } from './command.ts'
import { EXIT_TEXT } from './exit.ts'

export function overview(commands: readonly Command[], common: OptionSpecs): string {
  const width = Math.max(...commands.map(({ name }) => name.length))
  const verbs = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`)
  return [
    'sluice: a reverse proxy in front of model servers that takes a bad version out of traffic by itself',
    '',
    '  sluice serve sluice.yaml      run it',
    '  sluice status -w              watch it',
    '  sluice weights fraud v4=20    give v4 a fifth of the users',
    '  sluice rollback fraud         take every challenger of a route out now',
    '',
    'Verbs (sluice help VERB)',
    ...verbs,
    '',
    'Options of every verb that asks the admin API',
    ...optionLines(common),
    '',
    'Exit codes',
    `  ${EXIT_TEXT}`
  ].join('\n')
}

export function page(command: Command, common: OptionSpecs): string {
  const options = { ...command.options, ...common }
  return [
    `sluice ${command.name}: ${command.summary}`,
    '',
    ...command.examples.map(example => `  ${example}`),
    '',
    command.help,
    '',
    'Usage',
    `  sluice ${command.usage}`,
    '',
    'Options',
    ...optionLines(options),
    '',
    'Exit codes',
    `  ${EXIT_TEXT}`
  ].join('\n')
}

function optionLines(options: OptionSpecs): string[] {
  const rows = Object.entries(options).map(([name, { value, short, text }]) => {
    const long = value === undefined ? `--${name}` : `--${name} ${value}`
    return [short === undefined ? long : `-${short}, ${long}`, text] as const
  })
  const width = Math.max(0, ...rows.map(([left]) => left.length))
  return rows.map(([left, text]) => `  ${left.padEnd(width)}  ${text}`)
}
