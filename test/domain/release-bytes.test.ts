import { test } from 'tap'
import { releaseBytes } from '../../src/domain/release-bytes.ts'

test('gives back a buffer of its own, and leaves alone what somebody else may have', async t => {
  const own = new Uint8Array(1000)
  releaseBytes(own)
  t.equal(own.length, 0)
  releaseBytes(own)
  releaseBytes(null)
  const part = new Uint8Array(1000).subarray(10)
  releaseBytes(part)
  t.equal(part.length, 990)
  const pooled = Buffer.from('pooled')
  releaseBytes(pooled)
  t.equal(pooled.toString(), 'pooled')
})
