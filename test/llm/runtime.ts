/**
 * llama.cpp in this process, by way of node-llama-cpp: a model file in, pieces of text out, one token after another.
 *
 * The package is where install.ts puts it, so it is imported by its path: the checks of the repository run without
 * it. Nothing is ever compiled or downloaded here.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const ENTRY = 'node-llama-cpp/dist/index.js'
const AT_ONCE = 4 // answers under way; others wait
const EMBEDDING_TOKENS = 256

export type Generation = {
  readonly promptTokens: number
  /** One token after another: what each adds to the text ('' where a character is not whole yet). */
  readonly pieces: AsyncIterable<string>
  /** Why it ended; known after the last piece. */
  readonly finish: () => 'stop' | 'length'
}

export type LanguageModel = {
  /** Takes a place and begins. Throws a RangeError for a prompt that is longer than the context. */
  readonly generate: (prompt: string, options: GenerateOptions) => Promise<Generation>
  /** A vector of length 1, and the count of tokens. */
  readonly embed: (text: string) => Promise<{ readonly vector: number[]; readonly tokens: number }>
}

export type GenerateOptions = {
  readonly maxTokens: number
  readonly temperature: number
  readonly seed: number
  readonly signal: AbortSignal // the client left: the place is free again after the next token
}

/** Loads the model at `file` with the packages below `modules`, with `context` tokens for each answer. */
export async function loadModel(
  file: string,
  modules: string,
  context: number
): Promise<LanguageModel> {
  // The border to the package: what this file uses of it, as its documentation says.
  const { getLlama } = (await import(pathToFileURL(join(modules, ENTRY)).href)) as LlamaPackage
  const llama = await getLlama({ gpu: false, build: 'never', skipDownload: true, logLevel: 'warn' })
  const model = await llama.loadModel({ modelPath: file })
  const contexts = await model.createContext({
    contextSize: context,
    sequences: AT_ONCE,
    threads: 1
  })
  const embeddings = await model.createEmbeddingContext({
    contextSize: EMBEDDING_TOKENS,
    threads: 1
  })
  const places = createPlaces(AT_ONCE)
  const { bos } = model.tokens
  const tokensOf = (text: string) => [...(bos === null ? [] : [bos]), ...model.tokenize(text)]

  return {
    async generate(prompt, options) {
      const tokens = tokensOf(prompt)
      const room = context - tokens.length
      if (room < 1) throw new RangeError(`the prompt has ${tokens.length} tokens of ${context}`)
      const limit = Math.min(options.maxTokens, room)
      let finish: 'stop' | 'length' = 'length'
      async function* pieces(): AsyncGenerator<string> {
        await places.take()
        const sequence = contexts.getSequence()
        try {
          const made: number[] = []
          let told = ''
          for await (const token of sequence.evaluate(tokens, {
            temperature: options.temperature,
            seed: options.seed,
            yieldEogToken: true
          })) {
            if (options.signal.aborted) return
            if (model.isEogToken(token)) {
              finish = 'stop'
              return
            }
            made.push(token)
            const text = model.detokenize(made)
            const whole = text.endsWith('\ufffd') ? told : text
            yield whole.slice(told.length)
            told = whole
            if (made.length >= limit) return
          }
        } finally {
          sequence.dispose()
          places.give()
        }
      }
      return { promptTokens: tokens.length, pieces: pieces(), finish: () => finish }
    },
    async embed(text) {
      const tokens = tokensOf(text).slice(0, EMBEDDING_TOKENS)
      const { vector } = await embeddings.getEmbeddingFor(tokens)
      const length = Math.hypot(...vector)
      return { vector: vector.map(x => x / length), tokens: tokens.length }
    }
  }
}

/** So many at once, the others in the order in which they came. */
function createPlaces(count: number) {
  const waiting: (() => void)[] = []
  let free = count
  return {
    async take(): Promise<void> {
      if (free > 0) free--
      else await new Promise<void>(resolve => waiting.push(resolve))
    },
    give(): void {
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}

type LlamaPackage = {
  getLlama(options: {
    readonly gpu: false
    readonly build: 'never'
    readonly skipDownload: boolean
    readonly logLevel: 'warn'
  }): Promise<{ loadModel(options: { readonly modelPath: string }): Promise<LlamaModel> }>
}

type LlamaModel = {
  readonly tokens: { readonly bos: number | null }
  tokenize(text: string): readonly number[]
  detokenize(tokens: readonly number[]): string
  isEogToken(token: number): boolean
  createContext(options: ContextOptions & { readonly sequences: number }): Promise<{
    getSequence(): Sequence
  }>
  createEmbeddingContext(options: ContextOptions): Promise<{
    getEmbeddingFor(tokens: readonly number[]): Promise<{ readonly vector: readonly number[] }>
  }>
}

type ContextOptions = { readonly contextSize: number; readonly threads: number }

type Sequence = {
  evaluate(
    tokens: readonly number[],
    options: {
      readonly temperature: number
      readonly seed: number
      readonly yieldEogToken: boolean
    }
  ): AsyncIterable<number>
  dispose(): void
}
