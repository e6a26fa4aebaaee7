/**
 * A client of the API of OpenAI, as the tests of language models need it.
 */
export type AskOptions = {
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

/** Sends one request and gives its answer, the body unread. */
export function ask(origin: string, body: object, options: AskOptions = {}): Promise<Response> {
  const { path = '/v1/chat/completions', headers = {}, signal } = options
  return fetch(new URL(path, origin), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal })
  })
}

/** The body of a chat request with one short question; `extra` goes over it. */
export function chat(extra: object = {}): object {
  return {
    model: 'tiny',
    messages: [{ role: 'user', content: 'Where do birds go in winter?' }],
    max_tokens: 16,
    ...extra
  }
}

/** The data of each event of a whole stream whose events have one line each. */
export function eventsOf(text: string): readonly string[] {
  return text
    .split('\n\n')
    .filter(event => event !== '')
    .map(event => {
      if (!event.startsWith('data: ')) throw new Error(`not an event of one line: ${event}`)
      return event.slice('data: '.length)
    })
}
