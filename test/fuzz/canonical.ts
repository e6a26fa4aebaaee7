/**
 * Is what was forwarded a message that every server reads in the same way? Whatever a client sent, the bytes
 * upstream have to be beyond doubt: one Host, one framing, no hop-by-hop field, no control byte, no dot segment.
 */
const TOKEN = /^[!#$%&'*+\-.^`|~0-9A-Za-z]+$/ // without "_", which some servers fold into "-"
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const LINE = /^([!#$%&'*+\-.^`|~0-9A-Za-z]+) (\*|\/[\x21-\x7e]*) HTTP\/1\.1$/
const NEVER = [
  ...['keep-alive', 'proxy-connection', 'te', 'trailer', 'expect', 'proxy-authorization'],
  ...['forwarded', 'x-real-ip', 'http2-settings']
]
const ONCE = ['host', 'content-length', 'transfer-encoding', 'x-user-id', 'x-request-id']

/** What is wrong with the head of a forwarded request, or null. */
export function faultOf(head: string): string | null {
  const [line = '', ...fields] = head.split('\r\n')
  const target = LINE.exec(line)?.[2]
  if (target === undefined) return `request line: ${line}`
  const path = target.split('?', 1)[0] ?? ''
  if (/[#\\]/.test(path) || hasDotSegment(path)) return `path: ${path}`
  const names = new Map<string, string[]>()
  for (const field of fields) {
    const colon = field.indexOf(':')
    const name = field.slice(0, colon)
    if (colon < 1 || !TOKEN.test(name) || !VALUE.test(field.slice(colon + 1))) {
      return `field: ${field}`
    }
    const lower = name.toLowerCase()
    names.set(lower, [...(names.get(lower) ?? []), field.slice(colon + 1).trim()])
  }
  return faultOfFields(names)
}

function faultOfFields(names: ReadonlyMap<string, readonly string[]>): string | null {
  for (const name of NEVER) if (names.has(name)) return `hop-by-hop or untrusted field ${name}`
  for (const name of names.keys()) if (name.startsWith('x-sluice-')) return `own field ${name}`
  for (const name of ONCE) {
    if ((names.get(name)?.length ?? 0) > 1) return `${name} more than once`
  }
  if (!names.has('host')) return 'no Host'
  if (!names.has('via')) return 'no Via'
  const length = names.get('content-length')?.[0]
  const coding = names.get('transfer-encoding')?.[0]
  if (length !== undefined && coding !== undefined) return 'two framings'
  if (length !== undefined && !/^\d{1,15}$/.test(length)) return `length: ${length}`
  if (coding !== undefined && coding !== 'chunked') return `coding: ${coding}`
  const websocket = names.get('upgrade')?.[0]?.toLowerCase()
  if (websocket !== undefined && websocket !== 'websocket') return `upgrade: ${websocket}`
  const connection = names.get('connection')?.join(',').toLowerCase() ?? ''
  return /^(keep-alive|close|upgrade)?$/.test(connection) ? null : `connection: ${connection}`
}

function hasDotSegment(path: string): boolean {
  let decoded = path
  for (let i = 0; i < 3; i++) {
    if (/(^|[/\\])\.\.?(?=$|[/\\;])/.test(decoded)) return true
    decoded = decoded.replace(/%(25|2e|2f|5c)/gi, (_, hex) =>
      String.fromCharCode(Number.parseInt(hex, 16))
    )
  }
  return false
}
