/**
 * Reading the unit of a request out of its body, while the body comes in (payloads.md, units in bodies).
 *
 * Sources are tried in their order: one that is found counts once all before it are known to be absent. The
 * first member of a name, the first row and the first element decide, so an answer never waits for the rest of
 * the body. A coded body, one of another type, and what is no JSON have no unit: nobody guesses.
 */
import { latin1Of } from '../facts.ts'
import { DataframePlace } from './unit-dataframe.ts'
import {
  ABSENT,
  OPEN,
  type Place,
  Places,
  PointerPlace,
  pointerTokens,
  type ScanState,
  Slot,
  together
} from './unit-place.ts'
import { TensorPlace } from './unit-tensor.ts'
import { UnitWalk } from './unit-walk.ts'

/** What a scan of a request body looks for. */
export type BodyUnitSource =
  | { readonly json: string } // JSON Pointer
  | { readonly tensor: string } // Open Inference input, or `parameters.<name>`
  | { readonly dataframe: string } // column of dataframe_split or dataframe_records
  | { readonly field: string } // user | safety_identifier | metadata.user_id

/** What is known of a request before the first byte of its body. */
export type BodyFacts = {
  readonly contentType: string | null
  readonly contentEncoding: string | null
  readonly inferenceHeaderLength: number | null // Inference-Header-Content-Length
}

export type UnitScan = {
  push(chunk: Uint8Array): ScanState
  end(): ScanState // never `open`
}

/**
 * Scans one request body. Where nothing can be read of it the scan is `absent` at once: ask with an empty chunk
 * before the first byte is waited for.
 */
export function unitScan(sources: readonly BodyUnitSource[], facts: BodyFacts): UnitScan {
  return isReadable(facts) ? new Scan(sources, facts.inferenceHeaderLength) : NOTHING
}

/** Whether a body of these facts can have a unit. A scan says the same; this costs nothing. */
export function isReadable({
  contentType,
  contentEncoding,
  inferenceHeaderLength
}: BodyFacts): boolean {
  const coding = contentEncoding?.trim().toLowerCase() ?? ''
  if (coding !== '' && coding !== 'identity') return false
  return inferenceHeaderLength !== 0 && isJsonType(contentType)
}

/** Longest of the names that formats bring themselves: safety_identifier, dataframe_records, binary_data_size. */
const LONGEST_OWN_NAME = 17

const NOTHING: UnitScan = { push: () => ABSENT, end: () => ABSENT }

class Scan implements UnitScan {
  readonly #slots: readonly Slot[]
  readonly #tensors: TensorPlace[] = []
  readonly #walk: UnitWalk
  #state: ScanState = OPEN
  #json: number // bytes of the JSON part still to come; Infinity: all of the body
  settled = false

  constructor(sources: readonly BodyUnitSource[], jsonLength: number | null) {
    this.#json = jsonLength ?? Number.POSITIVE_INFINITY
    let longest = LONGEST_OWN_NAME
    const places: Place[] = []
    const slots: Slot[] = []
    for (const source of sources) {
      const slot = new Slot(() => this.#look())
      const { place, names, tensor } = placeOf(source, slot)
      for (const name of names) longest = Math.max(longest, name.length)
      if (tensor !== null) this.#tensors.push(tensor)
      places.push(place)
      slots.push(slot)
    }
    this.#slots = slots
    this.#walk = new UnitWalk(together(places) ?? new Places([]), longest, this)
    this.#look()
  }

  push(chunk: Uint8Array): ScanState {
    if (this.settled || chunk.length === 0) return this.#state
    const json = chunk.length > this.#json ? chunk.subarray(0, this.#json) : chunk
    this.#json -= json.length
    this.#walk.push(json)
    if (this.#json > 0) return this.#state
    this.#walk.end()
    const rest = chunk.subarray(json.length)
    for (const tensor of this.#tensors) tensor.binary(rest)
    return this.#state
  }

  end(): ScanState {
    if (this.#json > 0) this.#walk.end()
    for (const slot of this.#slots) slot.absent()
    return this.#state
  }

  /** The walk is over: only binary data can still bring something. */
  over(): void {
    for (const slot of this.#slots) {
      const tensor = this.#tensors.find(each => each.slot === slot)
      if (tensor?.isBinary !== true || this.#json === Number.POSITIVE_INFINITY) slot.absent()
    }
  }

  #look(): void {
    if (this.settled) return
    let first: ScanState = ABSENT
    for (const { state } of this.#slots) {
      if (state.kind === 'absent') continue
      first = state
      break
    }
    this.#state = first
    this.settled = first.kind !== 'open'
  }
}

type Followed = {
  readonly place: Place
  readonly names: readonly string[] // that it asks for, beside the formats' own
  readonly tensor: TensorPlace | null
}

function placeOf(source: BodyUnitSource, slot: Slot): Followed {
  const names = namesOf(source)
  if ('dataframe' in source) {
    return { place: new DataframePlace(names[0] ?? '', slot), names, tensor: null }
  }
  if ('tensor' in source && !source.tensor.startsWith(PARAMETERS)) {
    const tensor = new TensorPlace(names[0] ?? '', slot)
    return { place: tensor, names: NO_NAMES, tensor }
  }
  return { place: new PointerPlace(names, 0, slot), names, tensor: null }
}

const PARAMETERS = 'parameters.'
const NO_NAMES: readonly string[] = []

/** Names of a source as latin1, made once: a route keeps its sources. */
const NAMES = new WeakMap<BodyUnitSource, readonly string[]>()

function namesOf(source: BodyUnitSource): readonly string[] {
  const known = NAMES.get(source)
  if (known !== undefined) return known
  const names = pathOf(source)
  NAMES.set(source, names)
  return names
}

function pathOf(source: BodyUnitSource): readonly string[] {
  if ('json' in source) return pointerTokens(source.json)
  if ('dataframe' in source) return [latin1Of(source.dataframe)]
  if ('field' in source) return source.field.split('.').map(latin1Of)
  if (!source.tensor.startsWith(PARAMETERS)) return [latin1Of(source.tensor)]
  return ['parameters', latin1Of(source.tensor.slice(PARAMETERS.length))]
}

/**
 * JSON, what clients say of JSON when nobody told them better (curl's default, plain text, bytes), or nothing.
 * Multipart, CSV, images and the like are never looked at.
 */
function isJsonType(contentType: string | null): boolean {
  const semicolon = contentType?.indexOf(';') ?? -1
  const end = semicolon === -1 ? undefined : semicolon
  const type = contentType?.slice(0, end).trim().toLowerCase() ?? ''
  return READ_TYPES.includes(type) || type.endsWith('+json')
}

const READ_TYPES: readonly string[] = [
  '',
  'application/json',
  'application/octet-stream',
  'application/x-www-form-urlencoded',
  'application/x-ndjson',
  'text/json',
  'text/plain'
]
