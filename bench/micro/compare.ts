/**
 * What does it cost to compare a pair: one answer of a model with another that is nearly the same?
 */
import { compareAnswers } from '../../src/domain/compare/compare.ts'
import type { ComparedSide, CompareSettings } from '../../src/domain/compare/comparison.ts'
import type { Protocol } from '../../src/domain/route.ts'
import { type Loop, micro } from './micro.ts'

const SIZES = [200, 10_000, 100_000] // bytes of either body, nearly

function side(body: string): ComparedSide {
  return {
    status: 200,
    outcome: 'ok',
    contentType: 'application/json',
    inferenceHeaderLength: null,
    body: new TextEncoder().encode(body),
    refusal: null
  }
}

/** A tensor of floats. */
function tensor(bytes: number, scale: number): string {
  const count = Math.max(1, Math.floor((bytes - 100) / 11))
  const data = Array.from({ length: count }, (_, i) => (Math.sin(i) * scale + 500).toFixed(6))
  return `{"model_name":"m","outputs":[{"name":"y","shape":[${count}],"datatype":"FP32","data":[${data}]}]}`
}

/** Objects with a label, a score and three probabilities each. */
function objects(bytes: number, scale: number): string {
  const count = Math.max(1, Math.floor(bytes / 90))
  const predictions = Array.from({ length: count }, (_, i) => ({
    label: `class ${i % 7}`,
    score: Number((Math.sin(i) * scale + 500).toFixed(6)),
    probabilities: [0.7, 0.2, 0.1]
  }))
  return JSON.stringify({ predictions })
}

/** A chat answer; its words change with the scale. */
function chat(bytes: number, scale: number): string {
  const words = Array.from({ length: Math.max(1, Math.floor((bytes - 120) / 8)) }, (_, i) =>
    i % 50 === 7 ? `word${Math.round(i * scale) % 100}` : `word${i % 100}`
  )
  const message = { role: 'assistant', content: words.join(' ') }
  return JSON.stringify({ id: 'c', choices: [{ index: 0, message, finish_reason: 'stop' }] })
}

function loop(name: string, protocol: Protocol, make: typeof tensor, bytes: number): Loop {
  const settings: CompareSettings = { protocol, predictions: [], ignore: [], relative: 1e-2 }
  const primary = side(make(bytes, 100))
  const shadow = side(make(bytes, 100.01))
  const run = (calls: number) => {
    let fields = 0
    for (let i = 0; i < calls; i++)
      fields += compareAnswers(primary, shadow, settings).fields.length
    return fields
  }
  return { name: `${name}, ${primary.body?.length} bytes`, run }
}

micro(
  'compare',
  'What does it cost to compare a pair of answers?',
  SIZES.flatMap(bytes => [
    loop('tensor of floats', 'open-inference', tensor, bytes),
    loop('objects', 'kserve-v1', objects, bytes),
    loop('chat with other words', 'openai', chat, bytes)
  ])
)
