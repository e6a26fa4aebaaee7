/**
 * Secrets and certificates that a configuration refers to, read from the environment and from files.
 *
 * Exports: `readSecrets`, `Secrets`.
 *
 * Nothing that was read is ever part of a message. Relative paths start at the working directory.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Path, type Report, showPath } from './diagnostics.ts'
import type { ConfigFile } from './schema.ts'
import type { Loose } from './shape.ts'
import type { Environment } from './source.ts'

export type Secrets = {
  /** The text at a path of the configuration; undefined where it was left out or could not be read. */
  get(path: Path): string | undefined
}

type Reference = { readonly env?: string | undefined; readonly file?: string | undefined }
type Context = {
  readonly env: Environment
  readonly report: Report
  readonly warn: Report
  readonly texts: Map<string, string>
}

const MAX_BYTES = 1024 * 1024
const DAY_MS = 86_400_000

export async function readSecrets(
  file: Loose<ConfigFile>,
  env: Environment,
  report: Report,
  warn: Report
): Promise<Secrets> {
  const context: Context = { env, report, warn, texts: new Map() }
  await readListeners(file, context)
  await readTokens(file, context)
  const unitKey = await readOne(file.events?.unitKey, ['events', 'unitKey'], context)
  if (unitKey !== undefined && Buffer.byteLength(unitKey) < 16) {
    warn(
      ['events', 'unitKey'],
      'is shorter than 16 bytes; units could be guessed, use 32 random ones'
    )
  }
  await readRedis(file, context)
  await readKafka(file, context)
  for (const [name, route] of Object.entries(file.routes ?? {})) {
    for (const [variant, settings] of Object.entries(route?.variants ?? {})) {
      if (settings?.tls) {
        await readClientTls(settings.tls, ['routes', name, 'variants', variant, 'tls'], context)
      }
    }
  }
  return { get: path => context.texts.get(showPath(path)) }
}

async function readListeners(file: Loose<ConfigFile>, context: Context): Promise<void> {
  for (const [path, listen] of [
    [['listen'], file.listen],
    [['admin', 'listen'], file.admin?.listen],
    [['telemetry', 'listen'], file.telemetry?.listen]
  ] as const) {
    if (typeof listen !== 'object' || !listen.tls) continue
    const at = [...path, 'tls']
    const cert = await readOne(listen.tls.cert, [...at, 'cert'], context)
    const key = await readOne(listen.tls.key, [...at, 'key'], context)
    checkPair(cert, key, at, context)
  }
}

async function readTokens(file: Loose<ConfigFile>, context: Context): Promise<void> {
  const owners = new Map<string, number>()
  for (const [i, token] of (file.admin?.tokens ?? []).entries()) {
    const at = ['admin', 'tokens', i]
    const text = token?.sha256?.toLowerCase() ?? (await readOne(token, at, context))
    if (text === undefined) continue
    if (token?.sha256 === undefined) {
      if (!/^[\x21-\x7e]+$/.test(text)) {
        context.report(
          at,
          'the token holds spaces or other bytes that no Authorization field can carry'
        )
      } else if (text.length < 16) {
        context.warn(at, 'the token is shorter than 16 characters; use 32 random ones')
      }
    }
    const other = owners.get(text)
    if (other !== undefined) context.report(at, `is the same token as admin.tokens[${other}]`)
    owners.set(text, i)
  }
}

/** Nothing is read for a store that is not used: its password need not be there. */
async function readRedis({ state }: Loose<ConfigFile>, context: Context): Promise<void> {
  if (state?.driver !== 'redis' || !state.redis) return
  const { password, sentinel, tls } = state.redis
  const at = ['state', 'redis']
  await readOne(password, [...at, 'password'], context)
  await readOne(sentinel?.password, [...at, 'sentinel', 'password'], context)
  if (tls) await readClientTls(tls, [...at, 'tls'], context)
}

async function readKafka({ events }: Loose<ConfigFile>, context: Context): Promise<void> {
  if (events?.driver !== 'kafka' || !events.kafka) return
  const { tls, sasl } = events.kafka
  const at = ['events', 'kafka']
  await readOne(sasl?.password, [...at, 'sasl', 'password'], context)
  if (typeof tls === 'object') await readClientTls(tls, [...at, 'tls'], context)
}

async function readClientTls(
  tls: {
    readonly ca?: Reference | undefined
    readonly cert?: Reference | undefined
    readonly key?: Reference | undefined
  },
  at: Path,
  context: Context
): Promise<void> {
  const ca = await readOne(tls.ca, [...at, 'ca'], context)
  if (ca !== undefined) checkCertificates(ca, [...at, 'ca'], context)
  const cert = await readOne(tls.cert, [...at, 'cert'], context)
  const key = await readOne(tls.key, [...at, 'key'], context)
  checkPair(cert, key, at, context)
}

/** Reads one reference. `env` wins nothing: the schema allows exactly one of env and file. */
async function readOne(
  reference: Reference | undefined,
  path: Path,
  { env, report, warn, texts }: Context
): Promise<string | undefined> {
  if (!reference) return undefined
  const found =
    reference.env !== undefined
      ? fromEnvironment(reference.env, env)
      : reference.file !== undefined
        ? await fromFile(resolve(reference.file), reference.file)
        : undefined
  if (!found) return undefined
  const at = [...path, reference.env !== undefined ? 'env' : 'file']
  if ('fault' in found) {
    report(at, found.fault)
    return undefined
  }
  if (found.open && path.at(-1) !== 'ca' && path.at(-1) !== 'cert') {
    warn(at, `every user of this machine can read ${reference.file}; chmod 600 it`)
  }
  const text = found.text.replace(/[\r\n]+$/, '')
  if (text === '') {
    report(at, 'holds nothing')
    return undefined
  }
  texts.set(showPath(path), text)
  return text
}

type Found = { readonly text: string; readonly open: boolean } | { readonly fault: string }

function fromEnvironment(name: string, env: Environment): Found {
  const text = env[name]
  return text === undefined
    ? { fault: `the environment variable ${name} is not set` }
    : { text, open: false }
}

async function fromFile(path: string, shown: string): Promise<Found> {
  try {
    const { mode, size } = await stat(path)
    if (size > MAX_BYTES) return { fault: `${shown} is larger than 1 MiB, which no secret is` }
    return { text: await readFile(path, 'utf8'), open: (mode & 0o004) !== 0 }
  } catch (error) {
    return { fault: `${shown} cannot be read (${codeOf(error)})` }
  }
}

function checkPair(
  cert: string | undefined,
  key: string | undefined,
  at: Path,
  context: Context
): void {
  const leaf = cert === undefined ? null : checkCertificates(cert, [...at, 'cert'], context)
  if (key === undefined) return
  try {
    const secret = createPrivateKey(key)
    if (leaf && !leaf.checkPrivateKey(secret)) {
      context.report([...at, 'key'], 'does not belong to the certificate in cert')
    }
  } catch {
    const locked = key.includes('ENCRYPTED')
    context.report(
      [...at, 'key'],
      locked ? 'is encrypted; give a key without passphrase' : 'holds no private key in PEM'
    )
  }
}

/** The first certificate of a PEM text. Each must be readable; one that ends soon is a warning. */
function checkCertificates(
  pem: string,
  at: Path,
  { report, warn }: Context
): X509Certificate | null {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  try {
    const parsed = blocks.map(block => new X509Certificate(block))
    const [leaf] = parsed
    if (!leaf) {
      report(at, 'holds no certificate in PEM')
      return null
    }
    const left = leaf.validToDate.getTime() - Date.now()
    if (left < 0) warn(at, `the certificate ended on ${leaf.validTo}`)
    else if (left < 14 * DAY_MS) warn(at, `the certificate ends on ${leaf.validTo}`)
    return leaf
  } catch {
    report(at, 'holds a certificate that cannot be read')
    return null
  }
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  const known: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'permission denied',
    EISDIR: 'it is a directory'
  }
  return known[code] ?? code
}
