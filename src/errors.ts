/**
 * Every error of Sluice: code, HTTP status and a sentence in three parts (what happened, why, what to do).
 * Nothing else makes an error that a person or a client sees; docs/errors.md is generated from this table.
 *
 * `%s` in a sentence is filled in order. Statuses of errors that no client can get are 500. Exit codes: CLI.
 */
const sentences = {
  // Requests that the data plane refuses
  SLC_BAD_REQUEST: [
    400,
    'The request is not valid HTTP: %s. Nothing was forwarded; correct the client or the proxy before us.'
  ],
  SLC_UNIT_INVALID: [400, 'The unit in %s is not usable: %s. Send it once, with 1 to 256 bytes.'],
  SLC_UNIT_MISSING: [
    400,
    'This route needs a unit and the request has none in %s. Send one, or set onMissingUnit to champion.'
  ],
  SLC_NO_ROUTE: [
    404,
    "No route matches this host and path. Check the route's match with sluice routes."
  ],
  SLC_METHOD: [
    405,
    'The method %s is not served here. Use GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS.'
  ],
  SLC_REQUEST_TIMEOUT: [
    408,
    'The request did not arrive in time: %s. Send it faster or in smaller parts.'
  ],
  SLC_BODY_TOO_LARGE: [
    413,
    'The request body is larger than the limit of %s bytes. Send less, or raise limits.body of the route.'
  ],
  SLC_TARGET_TOO_LONG: [
    414,
    'The request line is longer than 8,000 bytes. Move data into the body.'
  ],
  SLC_EXPECTATION: [417, 'The expectation is not one that we know. Only 100-continue is.'],
  SLC_MISDIRECTED: [
    421,
    'This address does not serve that host. Send the request to the host that a route names.'
  ],
  SLC_HEADERS_TOO_LARGE: [
    431,
    'The header section is too large: at most 100 fields, 8 KiB each, 16 KiB together. Send fewer or shorter fields.'
  ],
  SLC_NOT_IMPLEMENTED: [501, 'This is not implemented here: %s. Use another coding or method.'],
  SLC_HTTP_VERSION: [
    505,
    'Only HTTP/1.1 and HTTP/1.0 are served here. Configure the client accordingly.'
  ],
  SLC_LOOP: [
    508,
    'The request has been through this router before. Check that no upstream points back at it.'
  ],
  // Faults of an upstream
  SLC_UPSTREAM_CONNECT: [
    502,
    'No upstream of variant %s accepted a connection (%s). Check that it is running and reachable.'
  ],
  SLC_UPSTREAM_RESET: [
    502,
    'The upstream of variant %s closed the connection before its answer was complete. Check its log.'
  ],
  SLC_UPSTREAM_INVALID: [
    502,
    'The upstream of variant %s did not answer with valid HTTP. Check its address and protocol.'
  ],
  SLC_SHED: [
    503,
    'The limit of requests in flight is reached for %s. Try again later, or raise limits.inFlight.'
  ],
  SLC_SHED_BODY: [
    503,
    'Too many request bodies wait for their unit. Try again later, or send the unit in a header.'
  ],
  SLC_NO_UPSTREAM: [
    503,
    'Variant %s has no address to send to. Check its upstreams and their names.'
  ],
  SLC_UPSTREAM_TIMEOUT: [
    504,
    'The upstream of variant %s did not begin to answer in %s ms. Check its load, or raise timeouts.firstByte.'
  ],
  // Admin API
  SLC_ADMIN_HOST: [
    421,
    'The Host field does not name this admin listener. Use its address, or add the name to admin.allowedHosts.'
  ],
  SLC_ADMIN_ORIGIN: [
    403,
    'Requests from web pages of another origin are refused. Call the API from a program.'
  ],
  SLC_ADMIN_TOKEN: [401, 'A valid token is needed. Send exactly one Authorization: Bearer field.'],
  SLC_ADMIN_SLOW_DOWN: [
    429,
    'Too many wrong tokens came from this address. Wait a minute and send the right one.'
  ],
  SLC_ADMIN_ROLE: [403, 'The role %s may not do this; it needs %s. Use another token.'],
  SLC_ADMIN_NOT_FOUND: [
    404,
    'There is no %s here. See /admin/v1/openapi.json for the calls and sluice routes for the names.'
  ],
  SLC_ADMIN_METHOD: [405, 'The method %s is not allowed here. See /admin/v1/openapi.json.'],
  SLC_ADMIN_NAME: [400, 'The name %s is not valid. Names match ^[a-z0-9][a-z0-9-]{0,62}$.'],
  SLC_ADMIN_CONTENT_TYPE: [415, 'The body must be application/json. Set Content-Type.'],
  SLC_ADMIN_TOO_LARGE: [413, 'The body is larger than 64 KiB. Send less.'],
  SLC_ADMIN_KEY_REUSED: [
    422,
    'This Idempotency-Key was used for another request. Take a new key for a new change.'
  ],
  SLC_ADMIN_EVENTS_FULL: [
    503,
    'All %s places for event streams are taken. Close one, or read decisions instead.'
  ],
  SLC_ADMIN_IF_MATCH: [
    428,
    'This change needs If-Match with the current ETag. Read the route first.'
  ],
  SLC_ADMIN_IF_MATCH_INVALID: [
    400,
    'If-Match must be one strong ETag like "1-7". Copy it from the route.'
  ],
  SLC_ADMIN_JSON: [400, 'The body is not acceptable JSON: %s. Correct it and send it again.'],
  SLC_ADMIN_MEANING: [400, 'The request cannot be done as asked: %s.'],
  SLC_STALE: [
    412,
    'The route has changed since it was read: it is at %s now. Read it again and decide anew.'
  ],
  SLC_ROLLED_BACK: [
    409,
    'Variant %s was rolled back. Clear that rollback first, once it is understood: sluice clear %s %s'
  ],
  SLC_PAUSED: [
    409,
    'Variant %s is paused, so its weight cannot be raised. Resume it first: sluice resume %s %s'
  ],
  SLC_NOT_ENOUGH_CHAMPION: [
    409,
    'The champion does not own enough to raise %s in one step. Shrink the other challengers first, then raise in a second call.'
  ],
  SLC_HAS_WEIGHT: [409, 'Variant %s has weight and cannot be removed. Set its weight to 0 first.'],
  SLC_MODEL_IMMUTABLE: [
    409,
    'The model of variant %s cannot change. Add another variant for another model.'
  ],
  SLC_UPSTREAM_ADDRESS: [400, 'The upstream address %s is not allowed: %s.'],
  SLC_UNKNOWN_ROLLBACK: [
    409,
    'Rollback %s is not in force on this route. See sluice decisions for the ids.'
  ],
  SLC_NOT_AVAILABLE: [501, '%s is not available in this version. See CHANGELOG.md.'],
  SLC_STATE_UNKNOWN: [
    503,
    'The change could not be made durable: %s. Nothing was applied; repeat the change when that is mended.'
  ],
  SLC_STORE_UNKNOWN: [
    503,
    'The shared store did not say whether the change was made: %s. Nothing was applied here; read the route again, and repeat the change if it is not there.'
  ],
  SLC_STORE_UNREACHABLE: [
    503,
    'The shared store cannot be used: %s. Traffic goes on with what this replica knows and rollbacks hold at once; repeat this when the store is back, and see sluice_state_errors_total.'
  ],
  SLC_RELOAD_REFUSED: [409, 'The new configuration was refused and the old one keeps running: %s'],
  SLC_INTERNAL: [
    500,
    'Something failed that should not. The log has an entry with request id %s; please report it.'
  ],
  // Starting
  SLC_CONFIG: [500, '%s'],
  SLC_CONFIG_READ: [
    500,
    'The configuration %s cannot be read (%s). Check the path and its permissions.'
  ],
  SLC_PORT_IN_USE: [
    500,
    'The address %s is already in use. Stop the other program, or choose another address in the configuration.'
  ],
  SLC_LISTEN: [
    500,
    'The address %s cannot be listened on (%s). Check listen and your permissions.'
  ],
  SLC_SHADOW_PROCESS: [
    500,
    'The process of shadows and events could not start: %s. The log says why; start again when that is mended.'
  ],
  SLC_STATE_DIRECTORY: [
    500,
    'The state directory %s cannot be used: %s. It must be a directory that this user can write to; state.directory says which.'
  ],
  SLC_STATE_LOCKED: [
    500,
    'The state directory %s is in use (%s). Stop that process, or give this one its own state.directory.'
  ],
  SLC_STATE_CORRUPT: [
    500,
    'No generation of %s is readable (%s), so its state comes from the configuration. Restore the file from a backup and start again, or leave it so.'
  ],
  SLC_EVENTS_DIRECTORY: [
    500,
    'The events directory %s cannot be used: %s. Make it writable, or set events.driver to none.'
  ],
  // The CLI
  SLC_CLI_USAGE: [500, '%s See %s.'],
  SLC_CLI_TOKEN: [
    500,
    'There is no token to send: %s. Give one by --token-file, SLUICE_TOKEN_FILE or SLUICE_TOKEN, or name the state directory by --state or SLUICE_STATE.'
  ],
  SLC_CLI_TOKEN_REFUSED: [
    500,
    'The admin API at %s does not accept the token from %s. Give one of its admin.tokens, or operator.token of its state directory where it has none, by --token-file, SLUICE_TOKEN_FILE or SLUICE_TOKEN (%s).'
  ],
  SLC_CLI_UNREACHABLE: [
    500,
    'The admin API at %s cannot be reached (%s). Check that sluice serve runs, and give its address by --admin or SLUICE_ADMIN.'
  ],
  SLC_CLI_TIMEOUT: [
    500,
    'The admin API at %s did not answer within %s ms. Look at its log, or wait longer with --timeout.'
  ],
  SLC_CLI_UNKNOWN: [
    500,
    'The admin API at %s was asked and did not answer, so the change may have been made. Look with sluice status before you repeat it.'
  ],
  SLC_CLI_ANSWER: [
    500,
    'What listens at %s is not an admin API of sluice (status %s). Check --admin and SLUICE_ADMIN.'
  ],
  SLC_CLI_REFUSED: [500, '%s (%s)']
} as const satisfies Record<string, readonly [number, string]>

export type ErrorCode = keyof typeof sentences

/** An error that a person may see. `status` is its HTTP status, `details` goes into problem+json. */
export class SluiceError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly args: readonly (string | number)[]
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    code: ErrorCode,
    args: readonly (string | number)[],
    details: Readonly<Record<string, unknown>> = {}
  ) {
    let i = 0
    super(sentences[code][1].replace(/%s/g, () => String(args[i++] ?? '')))
    this.name = 'SluiceError'
    this.code = code
    this.status = sentences[code][0]
    this.args = args
    this.details = details
  }
}

/** Makes an error of the table: `fail('SLC_STALE', ['1-7'], { document })`. */
export function fail(
  code: ErrorCode,
  args: readonly (string | number)[] = [],
  details: Readonly<Record<string, unknown>> = {}
): SluiceError {
  return new SluiceError(code, args, details)
}

/** The whole table, for the generated page: [code, status, sentence]. */
export function errorTable(): readonly (readonly [ErrorCode, number, string])[] {
  return Object.entries(sentences).map(([code, [status, sentence]]) => [
    code as ErrorCode,
    status,
    sentence
  ])
}
