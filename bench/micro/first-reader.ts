/**
 * What does it cost to look for bad predictions in an answer while it passes?
 */
import { firstReader } from '../../src/domain/payload/first-reader.ts'
import { micro } from './micro.ts'

function answer(values: number): Buffer {
  const data = Array.from({ length: values }, (_, i) => (Math.sin(i) * 1000).toFixed(6)).join(',')
  return Buffer.from(
    `{"model_name":"m","outputs":[{"name":"y","shape":[${values}],"datatype":"FP32","data":[${data}]}]}`
  )
}

function read(bytes: Buffer) {
  return (calls: number) => {
    let sum = 0
    for (let i = 0; i < calls; i++) {
      const reader = firstReader('open-inference', 200, 'application/json', null)
      reader?.push(bytes)
      sum += reader?.end().judged === true ? 1 : 1000
    }
    return sum
  }
}

micro(
  'first-reader',
  'What does it cost to look for bad predictions in an answer?',
  [1, 100, 10_000].map(values => {
    const bytes = answer(values)
    return { name: `${values} values, ${bytes.length} bytes`, run: read(bytes) }
  })
)
