/**
 * Requests of the API of OpenAI as the server of the tests takes them: what it needs is checked, all else is ignored
 * (`user`, `metadata`, `safety_identifier` are the client's affair).
 */
const MAX_TOKENS = 64 // where the request does not say

export type ChatRequest = {
  readonly prompt: string
  readonly maxTokens: number
  readonly temperature: number
  readonly seed: number
  readonly stream: boolean
  readonly includeUsage: boolean
}

/** A request that a client has to mend. */
export class RequestError extends Error {}

/** Reads a chat completion request. Throws a RequestError. */
export function chatRequest(body: unknown): ChatRequest {
  const fields = recordOf(body, 'the body')
  const { messages } = fields
  if (!Array.isArray(messages) || messages.length === 0) {
    throw new RequestError('messages must be a list of at least one message')
  }
  const lines = messages.map(message => {
    const { role, content } = recordOf(message, 'a message')
    if (typeof role !== 'string') throw new RequestError('a message needs a role')
    return `${role}: ${textOf(content)}\n`
  })
  const options = fields['stream_options']
  return {
    prompt: `${lines.join('')}assistant: `,
    maxTokens: wholeOf(fields['max_completion_tokens'] ?? fields['max_tokens'] ?? MAX_TOKENS),
    temperature: Number(fields['temperature'] ?? 0),
    seed: Number(fields['seed'] ?? 1),
    stream: fields['stream'] === true,
    includeUsage: isRecord(options) && options['include_usage'] === true
  }
}

/** Reads the texts of an embeddings request. Throws a RequestError. */
export function embeddingInputs(body: unknown): readonly string[] {
  const { input } = recordOf(body, 'the body')
  const inputs: readonly unknown[] = Array.isArray(input) ? input : [input]
  return inputs.map(text => {
    if (typeof text !== 'string' || text === '') throw new RequestError('input must be text')
    return text
  })
}

/** Text, or parts of which those of type text count. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) throw new RequestError('content must be text or parts')
  return content.map(part => String(recordOf(part, 'a part')['text'] ?? '')).join('')
}

function wholeOf(value: unknown): number {
  const number = Number(value)
  if (!Number.isInteger(number) || number < 1) throw new RequestError('max_tokens must be above 0')
  return number
}

function recordOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw new RequestError(`${what} must be an object`)
  return value
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
