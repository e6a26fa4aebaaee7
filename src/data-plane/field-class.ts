/**
 * What the gate does with a request field, by its name.
 *
 * A field that is in no list is plain and forwarded as received. Names are compared in lower case; the usual
 * spellings are in the map already, so that most lookups make no string. The memory of plain names is bounded,
 * because clients choose them.
 */
export const FIELD = {
  plain: 0,
  host: 1,
  contentLength: 2,
  transferEncoding: 3,
  connection: 4,
  hop: 5, // belongs to one connection: dropped
  expect: 6,
  upgrade: 7,
  via: 8,
  requestId: 9,
  forwardedFor: 10,
  forwardedProto: 11,
  forwardedHost: 12,
  forwarded: 13, // believed from a trusted peer only, dropped otherwise
  maxForwards: 14,
  own: 15, // X-Sluice-*: never reaches an upstream
  underscore: 16 // some servers read _ as -
} as const
export type FieldClass = (typeof FIELD)[keyof typeof FIELD]

/** The class of a request field. `name` is a token as received. */
export function fieldClass(name: string): FieldClass {
  const known = CLASSES.get(name)
  if (known !== undefined) return known
  const lower = name.toLowerCase()
  const found = CLASSES.get(lower) ?? classOfPattern(lower)
  if (found === FIELD.plain && CLASSES.size < MAX_NAMES && name.length <= 64) {
    CLASSES.set(name, found)
  }
  return found
}

const MAX_NAMES = 1024

const CLASSES = spelled({
  host: FIELD.host,
  'content-length': FIELD.contentLength,
  'transfer-encoding': FIELD.transferEncoding,
  connection: FIELD.connection,
  'keep-alive': FIELD.hop,
  'proxy-connection': FIELD.hop,
  'proxy-authorization': FIELD.hop,
  'proxy-authenticate': FIELD.hop,
  'http2-settings': FIELD.hop,
  te: FIELD.hop,
  trailer: FIELD.hop,
  expect: FIELD.expect,
  upgrade: FIELD.upgrade,
  via: FIELD.via,
  'x-request-id': FIELD.requestId,
  'x-forwarded-for': FIELD.forwardedFor,
  'x-forwarded-proto': FIELD.forwardedProto,
  'x-forwarded-host': FIELD.forwardedHost,
  forwarded: FIELD.forwarded,
  'x-real-ip': FIELD.forwarded,
  'max-forwards': FIELD.maxForwards,
  accept: FIELD.plain,
  'accept-encoding': FIELD.plain,
  authorization: FIELD.plain,
  'content-type': FIELD.plain,
  cookie: FIELD.plain,
  traceparent: FIELD.plain,
  'user-agent': FIELD.plain
})

function classOfPattern(lower: string): FieldClass {
  if (lower.startsWith('x-sluice-')) return FIELD.own
  if (lower.startsWith('x-forwarded-')) return FIELD.forwarded
  return lower.includes('_') ? FIELD.underscore : FIELD.plain
}

function spelled(classes: Readonly<Record<string, FieldClass>>): Map<string, FieldClass> {
  const map = new Map<string, FieldClass>()
  for (const [lower, cls] of Object.entries(classes)) {
    map.set(lower, cls)
    map.set(
      lower.replace(/(^|-)[a-z]/g, text => text.toUpperCase()),
      cls
    )
  }
  return map
}
