/**
 * The document of a route as a file: `state/<route>.json` and two older generations.
 *
 * The file is the document in canonical JSON on one line with `sha256`, the digest of the document without it,
 * as one member more. It is read only when its bytes are exactly what we would write: a flipped bit, a cut or an
 * edit by hand makes it unusable as a whole, and the next older generation is tried.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { canonicalJson } from '../domain/canonical-json.ts'
import type { RouteDocument } from '../domain/document.ts'
import { codeOf, quoted } from './disk-fault.ts'
import { type Checked, checkDocument } from './document-schema.ts'
import { GENERATIONS, readWhole, replaceWhole, setAside } from './durable-file.ts'

/** Larger than any document that the API can make (32 variants of 64 KiB), smaller than what hurts. */
export const MAX_DOCUMENT = 8 * 1024 * 1024 // bytes

export type Loaded = {
  readonly document: RouteDocument | null
  readonly faults: readonly string[] // one sentence for each generation before it that could not be used
}

/** The newest generation that is readable. Those that are not are moved aside. */
export async function loadDocument(
  directory: string,
  route: string,
  stamp: number
): Promise<Loaded> {
  const faults: string[] = []
  let missing = 0
  for (const generation of GENERATIONS) {
    const name = `${route}.json${generation}`
    const path = join(directory, name)
    const reading = await readWhole(path, MAX_DOCUMENT)
    if (reading.is === 'nothing') {
      missing++
      continue
    }
    const checked = reading.is === 'bytes' ? decodeDocument(reading.bytes, route) : wrong(reading)
    if (checked.ok) {
      const newest = quoted(join(directory, `${route}.json`))
      const lost = missing > 0 ? [`${newest} is missing`] : []
      return { document: checked.document, faults: [...lost, ...faults] }
    }
    const aside = await setAside(path, stamp).catch(error => `not moved, ${codeOf(error)}`)
    faults.push(`${quoted(path)}: ${checked.reason} (${aside})`)
  }
  return { document: null, faults }
}

/** Writes the newest generation; resolves when it is durable. Throws the system's error. */
export async function saveDocument(directory: string, document: RouteDocument): Promise<void> {
  const bytes = encodeDocument(document)
  if (bytes.length > MAX_DOCUMENT) {
    throw new RangeError(`the document of ${document.route} would have ${bytes.length} bytes`)
  }
  await replaceWhole(directory, `${document.route}.json`, bytes)
}

export function encodeDocument(document: RouteDocument): Buffer {
  const sha256 = digest(canonicalJson(document))
  return Buffer.from(`${canonicalJson({ ...document, sha256 })}\n`)
}

export function decodeDocument(bytes: Buffer, route: string): Checked {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', STRICT).decode(bytes))
    if (typeof value !== 'object' || value === null) return { ok: false, reason: 'it is no object' }
    const { sha256: _, ...rest } = value as Record<string, unknown> // an object of JSON
    const checked = checkDocument(rest, route)
    if (!checked.ok) return checked
    if (!encodeDocument(checked.document).equals(bytes)) {
      return { ok: false, reason: 'its SHA-256 does not match' }
    }
    return checked
  } catch (error) {
    return { ok: false, reason: error instanceof Error ? error.message : String(error) }
  }
}

const STRICT = { fatal: true, ignoreBOM: true }

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function wrong(reading: { readonly reason: string }): Checked {
  return { ok: false, reason: reading.reason }
}
