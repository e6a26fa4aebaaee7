/**
 * Which token the CLI sends: `--token-file`, else SLUICE_TOKEN_FILE, else SLUICE_TOKEN, else `operator.token` of a
 * local state directory (`--state`, else SLUICE_STATE, else ./state), which a first start of the router wrote there for its owner.
 *
 * A token is read when the first call needs it, and is never printed; where it came from may be.
 */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fail } from '../errors.ts'
import { EXIT } from './exit.ts'

export type TokenSources = {
  readonly file: string | undefined // --token-file
  readonly state: string | undefined // --state
  readonly env: Readonly<Record<string, string | undefined>>
}

export type Token = {
  readonly value: string
  readonly source: string // the option, variable or file that it came from
}

/** The token. Throws SLC_CLI_TOKEN (exit code 4) where none can be found or read. */
export function findToken({ file, env, state }: TokenSources): Token {
  const { SLUICE_TOKEN_FILE, SLUICE_TOKEN, SLUICE_STATE } = env
  const named = file ?? SLUICE_TOKEN_FILE
  if (named !== undefined && named !== '') {
    const by = file === undefined ? 'SLUICE_TOKEN_FILE' : '--token-file'
    return { value: read(named), source: `${named} (${by})` }
  }
  if (SLUICE_TOKEN !== undefined && SLUICE_TOKEN !== '') {
    const source = 'SLUICE_TOKEN'
    return { value: checked(SLUICE_TOKEN.trim(), source), source }
  }
  const own = join(state ?? (SLUICE_STATE || './state'), 'operator.token')
  return { value: read(own), source: own }
}

function read(file: string): string {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw fail(
      'SLC_CLI_TOKEN',
      [`${JSON.stringify(resolve(file))} cannot be read (${reasonOf(error)})`],
      {
        exit: EXIT.noAccess
      }
    )
  }
  return checked(text.trim(), file)
}

/** What can stand in an Authorization field; anything else is a wrong file rather than a token. */
function checked(token: string, source: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token
  throw fail('SLC_CLI_TOKEN', [`${source} does not hold a token`], { exit: EXIT.noAccess })
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
