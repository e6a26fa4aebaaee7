import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { bucketOfHash, hashText, murmur32, saltPrefix } from '../../src/domain/hash.ts'

type Vectors = {
  murmur3_x86_32: { text?: string; bytes_hex?: string; seed: number; h: number }[]
  murmur3_x86_32_smhasher_verification: { value_hex: string }
  unleash: {
    vectors: { id: string; groupId: string; normalizer?: number; seed: number; value: number }[]
  }
  optimizely: { vectors: { bucketingId: string; parentId: string; bucket: number }[] }
  recommended_scheme: {
    vectors: { salt: string; unit: string; h: number; bucket10000: number }[]
    monotone_check: { salt: string; in_5pct: number; in_20pct: number }
  }
}

const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../fixtures/hash.json', import.meta.url), 'utf8')
)
const utf8 = (text: string) => new TextEncoder().encode(text)
const latin1 = (text: string) => Buffer.from(text, 'utf8').toString('latin1')

test('agrees with every published murmur3 value when it hashes bytes with a seed', t => {
  for (const { text, bytes_hex, seed, h } of vectors.murmur3_x86_32) {
    const bytes = bytes_hex === undefined ? utf8(text ?? '') : Buffer.from(bytes_hex, 'hex')
    t.equal(murmur32(bytes, seed), h, `${text ?? bytes_hex} seed ${seed}`)
  }
  t.end()
})

test('passes the SMHasher verification when all key lengths and seeds are folded', t => {
  const results = new Uint8Array(1024)
  for (let i = 0; i < 256; i++) {
    const key = Uint8Array.from({ length: i }, (_, byte) => byte)
    new DataView(results.buffer).setUint32(i * 4, murmur32(key, 256 - i), true)
  }
  const { value_hex } = vectors.murmur3_x86_32_smhasher_verification
  t.equal(murmur32(results, 0).toString(16), value_hex)
  t.end()
})

test('gives the hash and bucket of the scheme when a unit is latin1 text', t => {
  for (const { salt, unit, h, bucket10000 } of vectors.recommended_scheme.vectors) {
    const prefix = saltPrefix(salt)
    t.equal(hashText(prefix, latin1(unit)), h)
    t.equal(bucketOfHash(h), bucket10000)
  }
  t.end()
})

test('agrees with the Unleash clients when group and id are salt and unit', t => {
  let compared = 0
  for (const { id, groupId, normalizer = 100, seed, value } of vectors.unleash.vectors) {
    t.equal((murmur32(utf8(`${groupId}:${id}`), seed) % normalizer) + 1, value)
    if (seed !== 0) continue
    t.equal((hashText(saltPrefix(groupId), latin1(id)) % normalizer) + 1, value)
    compared++
  }
  t.ok(compared >= 8)
  t.end()
})

test('agrees with the Optimizely bucketer when a hash becomes a bucket', t => {
  for (const { bucketingId, parentId, bucket } of vectors.optimizely.vectors) {
    t.equal(bucketOfHash(murmur32(utf8(bucketingId + parentId), 1)), bucket)
  }
  t.end()
})

test('puts the known number of users below 5 and 20 percent when 100,000 are hashed', t => {
  const check = vectors.recommended_scheme.monotone_check
  const prefix = saltPrefix(check.salt)
  const counts = { in_5pct: 0, in_20pct: 0 }
  for (let i = 0; i < 100_000; i++) {
    const bucket = bucketOfHash(hashText(prefix, `user-${i}`))
    if (bucket < 500) counts.in_5pct++
    if (bucket < 2000) counts.in_20pct++
  }
  t.match(check, counts)
  t.end()
})

test('hashes bytes and not characters when a unit is no UTF-8', t => {
  const prefix = saltPrefix('s')
  const bytes = Uint8Array.of(...prefix, 0xff, 0xfe, 0x80)
  t.equal(hashText(prefix, '\xff\xfe\x80'), murmur32(bytes))
  t.not(hashText(prefix, '\xff'), murmur32(utf8('s:\xff')))
  t.end()
})

test('hashes the whole of it when salt and unit are longer than the scratch buffer', t => {
  const prefix = saltPrefix('s'.repeat(200))
  const long = 'x'.repeat(2000)
  t.equal(hashText(prefix, long), murmur32(utf8(`${'s'.repeat(200)}:${long}`)))
  t.not(hashText(prefix, long), hashText(prefix, `${long}y`))
  t.end()
})
