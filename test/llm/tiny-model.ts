/**
 * A language model of about 150 KB with random weights: the architecture of Llama with one layer, and a vocabulary of
 * syllables. What it writes means nothing, but it writes token by token as a large one does, in real time.
 *
 * The same seed gives the same bytes. Nothing is downloaded.
 */
import { seeded } from '../helpers/seeded.ts'
import { gguf, type Tensor, type Value } from './gguf.ts'

const WIDTH = 32
const HEADS = 4
const HIDDEN = 64
export const CONTEXT = 512 // tokens of prompt and answer

const CONTROL = ['<unk>', '<s>', '</s>'] // ids 0 to 2
const TYPES = { normal: 1, unknown: 2, control: 3, byte: 6 } as const
const BYTES = Array.from(
  { length: 256 },
  (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`
)
const PIECES = [
  '\u2581', // a space
  ...'abcdefghijklmnopqrstuvwxyz',
  ...[...'bdfgklmnprstvz'].flatMap(first => [...'aeiou'].map(vowel => first + vowel)),
  ...[...'bdfgklmnprst'].map(first => `\u2581${first}o`),
  ...'.,?'
]
const VOCABULARY = [...CONTROL, ...BYTES, ...PIECES]

/**
 * The first number of every embedding is this large and no layer changes it, so a row of the output weights that is
 * below zero there makes its token rare: bytes that are no text, and the end of a text.
 */
const ANCHOR = 4

/** The model file for a seed. */
export function tinyModel(seed: number): Uint8Array {
  const random = seeded(seed)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const matrix = (name: string, columns: number, rows: number, first?: (row: number) => number) => {
    const data = Float32Array.from({ length: columns * rows }, () => normal() / Math.sqrt(columns))
    if (first !== undefined) {
      for (let row = 0; row < rows; row++) data[row * columns] = first(row)
    }
    return { name, dimensions: [columns, rows], data }
  }
  const ones = (name: string): Tensor => ({
    name,
    dimensions: [WIDTH],
    data: new Float32Array(WIDTH).fill(1)
  })
  /** A matrix whose result leaves the anchor alone. */
  const beside = (name: string, columns: number): Tensor => {
    const tensor = matrix(name, columns, WIDTH)
    tensor.data.fill(0, 0, columns)
    return tensor
  }
  return gguf(METADATA, [
    matrix('token_embd.weight', WIDTH, VOCABULARY.length, () => ANCHOR),
    ones('output_norm.weight'),
    matrix('output.weight', WIDTH, VOCABULARY.length, rarity),
    ones('blk.0.attn_norm.weight'),
    matrix('blk.0.attn_q.weight', WIDTH, WIDTH),
    matrix('blk.0.attn_k.weight', WIDTH, WIDTH),
    matrix('blk.0.attn_v.weight', WIDTH, WIDTH),
    beside('blk.0.attn_output.weight', WIDTH),
    ones('blk.0.ffn_norm.weight'),
    matrix('blk.0.ffn_gate.weight', WIDTH, HIDDEN),
    matrix('blk.0.ffn_up.weight', WIDTH, HIDDEN),
    beside('blk.0.ffn_down.weight', HIDDEN)
  ])
}

function rarity(token: number): number {
  if (token === 2) return -0.5 // the end: now and then
  return token < CONTROL.length + BYTES.length ? -10 : 0
}

const METADATA: Readonly<Record<string, Value>> = {
  'general.architecture': { text: 'llama' },
  'general.name': { text: 'tiny' },
  'llama.context_length': { integer: CONTEXT },
  'llama.embedding_length': { integer: WIDTH },
  'llama.block_count': { integer: 1 },
  'llama.feed_forward_length': { integer: HIDDEN },
  'llama.attention.head_count': { integer: HEADS },
  'llama.attention.head_count_kv': { integer: HEADS },
  'llama.attention.layer_norm_rms_epsilon': { float: 1e-5 },
  'llama.rope.dimension_count': { integer: WIDTH / HEADS },
  'llama.vocab_size': { integer: VOCABULARY.length },
  'tokenizer.ggml.model': { text: 'llama' },
  'tokenizer.ggml.tokens': { texts: VOCABULARY },
  'tokenizer.ggml.scores': { floats: VOCABULARY.map((_, id) => (id < 3 ? 0 : -id)) },
  'tokenizer.ggml.token_type': {
    integers: VOCABULARY.map((_, id) => {
      if (id === 0) return TYPES.unknown
      if (id < CONTROL.length) return TYPES.control
      return id < CONTROL.length + BYTES.length ? TYPES.byte : TYPES.normal
    })
  },
  'tokenizer.ggml.unknown_token_id': { integer: 0 },
  'tokenizer.ggml.bos_token_id': { integer: 1 },
  'tokenizer.ggml.eos_token_id': { integer: 2 },
  'tokenizer.ggml.add_bos_token': { flag: true },
  'tokenizer.ggml.add_eos_token': { flag: false }
}
