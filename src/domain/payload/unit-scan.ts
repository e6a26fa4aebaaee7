/**
 * Reading the unit of a request out of its body, while the body comes in (payloads.md, units in bodies).
 */

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

/**
 * `open`: more bytes may decide. A text is latin1, one character a byte: the bytes of a string with its escapes
 * undone, or of a number as it is written. Objects, arrays, null, true and false are no units.
 */
export type ScanState =
  | { readonly kind: 'open' }
  | { readonly kind: 'found'; readonly text: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'invalid'; readonly why: string } // longer than 256 bytes

export type UnitScan = {
  push(chunk: Uint8Array): ScanState
  end(): ScanState // never `open`
}
