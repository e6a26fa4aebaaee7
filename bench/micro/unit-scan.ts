/** What does it cost to find the unit in a body of 200 bytes, and a KiB of a body in which it comes last? */
import { type BodyUnitSource, unitScan } from '../../src/domain/payload/unit-scan.ts'
import { type Loop, micro } from './micro.ts'

const FACTS = {
  contentType: 'application/json',
  contentEncoding: null,
  inferenceHeaderLength: null
}
const SMALL = Buffer.from(
  JSON.stringify({
    inputs: [{ name: 'x', shape: [1, 8], datatype: 'FP32', data: Array(8).fill(0.125) }],
    parameters: { user_id: 'user-17', pad: 'p'.repeat(57) }
  })
)
const PIECE = 65_536 // bytes as a socket gives them
const LARGE = 1024 * PIECE

micro('unit-scan', 'What does it cost to find the unit in a body?', [
  small('200 bytes, JSON Pointer', { json: '/parameters/user_id' }),
  small('200 bytes, parameter', { tensor: 'parameters.user_id' }),
  small('200 bytes, no tensor of the name', { tensor: 'user_id' }),
  kibibyte('1 KiB of one text', { json: '/u' }, `"a":"${'x'.repeat(LARGE / 64)}",`),
  kibibyte('1 KiB of numbers', { json: '/u' }, `"a":[${'0.12345,'.repeat(LARGE / 512)}1],`),
  kibibyte('1 KiB of a tensor', { tensor: 'u' }, tensors(LARGE / 512)),
  kibibyte('1 KiB of small members', { json: '/u' }, '"key":12,'.repeat(LARGE / 512))
])

function small(name: string, source: BodyUnitSource): Loop {
  const sources = [source]
  return {
    name,
    run(calls) {
      let found = 0
      for (let i = 0; i < calls; i++) {
        if (unitScan(sources, FACTS).push(SMALL).kind !== 'open') found++
      }
      return found
    }
  }
}

/** A call is a KiB of a body that is scanned piece by piece, and again from its beginning. */
function kibibyte(name: string, source: BodyUnitSource, members: string): Loop {
  const body = Buffer.from(`{${members}"u":"user-17"}`)
  const pieces = Array.from({ length: Math.ceil(body.length / PIECE) }, (_, i) =>
    body.subarray(i * PIECE, (i + 1) * PIECE)
  )
  const sources = [source]
  return {
    name,
    run(calls) {
      let left = calls * 1024
      let found = 0
      while (left > 0) {
        const scan = unitScan(sources, FACTS)
        for (const piece of pieces) {
          if (scan.push(piece).kind !== 'open') found++
          left -= piece.length
          if (left <= 0) break
        }
      }
      return found
    }
  }
}

function tensors(values: number): string {
  return `"inputs":[{"name":"x","data":[${'0.12345,'.repeat(values)}1]},{"name":"u","data":["u"]}],`
}
