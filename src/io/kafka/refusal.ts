/**
 * What an error of the client means for the events that it concerns.
 *
 * - `away`: no broker answered, or none can take the events now; they wait.
 * - `unauthorized`, `missing_topic`: only an operator can end it; they wait for a while.
 * - `too_large`, `refused`: one of these events will never be taken; the others may be.
 */
export type Refusal = {
  readonly kind: 'away' | 'unauthorized' | 'missing_topic' | 'too_large' | 'refused'
  readonly word: string // ECONNREFUSED, MESSAGE_TOO_LARGE, …
  readonly answered: boolean // by a broker over a connection that can go on
}

/** Error words of the protocol (Kafka protocol guide, error codes). All others are `away`. */
const KINDS: Readonly<Record<string, Refusal['kind']>> = {
  MESSAGE_TOO_LARGE: 'too_large',
  RECORD_LIST_TOO_LARGE: 'too_large',
  INVALID_RECORD: 'refused',
  CORRUPT_MESSAGE: 'refused',
  INVALID_TIMESTAMP: 'refused',
  INVALID_REQUIRED_ACKS: 'refused',
  UNSUPPORTED_COMPRESSION_TYPE: 'refused',
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 'refused',
  UNKNOWN_TOPIC_OR_PARTITION: 'missing_topic',
  INVALID_TOPIC_EXCEPTION: 'missing_topic',
  INVALID_PARTITIONS: 'missing_topic', // of creating it, as the next two
  INVALID_REPLICATION_FACTOR: 'missing_topic',
  POLICY_VIOLATION: 'missing_topic',
  TOPIC_AUTHORIZATION_FAILED: 'unauthorized',
  CLUSTER_AUTHORIZATION_FAILED: 'unauthorized',
  SASL_AUTHENTICATION_FAILED: 'unauthorized',
  UNSUPPORTED_SASL_MECHANISM: 'unauthorized',
  ILLEGAL_SASL_STATE: 'unauthorized',
  KafkaJSSASLAuthenticationError: 'unauthorized'
}

/** Never throws; anything may come in. */
export function refusalOf(error: unknown): Refusal {
  const chain = causes(error)
  const words = chain.flatMap(({ type, code, name }) => [type, code, name])
  const known = words.find(word => word !== undefined && word in KINDS)
  const kind = known === undefined ? 'away' : (KINDS[known] ?? 'away')
  const answered = chain.some(({ name }) => name === 'KafkaJSProtocolError')
  return { kind, word: wordOf(known, chain), answered: answered && kind !== 'unauthorized' }
}

type Fact = { readonly [field in 'type' | 'code' | 'name' | 'message']?: string }

/** The error and what it came from. The client puts the cause in `cause` or `originalError`. */
function causes(error: unknown): readonly Fact[] {
  const chain: Fact[] = []
  let next = error
  while (typeof next === 'object' && next !== null && chain.length < 8) {
    const fields = new Map<string, unknown>(
      ['type', 'code', 'name', 'message', 'cause', 'originalError', 'errors'].map(field => [
        field,
        Reflect.get(Object(next), field)
      ])
    )
    chain.push({
      ...textOf('type', fields),
      ...textOf('code', fields),
      ...textOf('name', fields),
      ...textOf('message', fields)
    })
    next = fields.get('cause') ?? fields.get('originalError') ?? firstOf(fields.get('errors'))
  }
  return chain
}

function firstOf(errors: unknown): unknown {
  return Array.isArray(errors) ? errors[0] : undefined
}

function textOf(field: keyof Fact, fields: ReadonlyMap<string, unknown>): Fact {
  const value = fields.get(field)
  return typeof value === 'string' && value !== '' ? { [field]: value } : {}
}

/** The most telling word that is no free text: it gets into sentences of /readyz. */
function wordOf(known: string | undefined, chain: readonly Fact[]): string {
  if (known === 'KafkaJSSASLAuthenticationError') return 'SASL_AUTHENTICATION_FAILED'
  if (known !== undefined) return known
  const coded = chain.findLast(({ type, code }) => type !== undefined || code !== undefined)
  if (coded !== undefined) return coded.code ?? coded.type ?? ''
  return chain.findLast(({ name }) => name !== undefined)?.name ?? 'unknown'
}
