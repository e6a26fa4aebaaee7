import { test } from 'tap'
import { codingsOf } from '../../src/domain/content-coding.ts'

test('tells the codings in the order of their undoing, whatever the case of their names', t => {
  t.strictSame(codingsOf('gzip, br'), ['br', 'gzip'])
  t.strictSame(codingsOf(' Deflate\t,ZSTD'), ['zstd', 'deflate'])
  t.strictSame(codingsOf('gzip,gzip,gzip'), ['gzip', 'gzip', 'gzip'])
  t.end()
})

test('takes x-gzip for gzip, as recipients have to', t => {
  t.strictSame(codingsOf('X-GZIP, br'), ['br', 'gzip'])
  t.end()
})

test('tells none when there is no field, or nothing in it but identity', t => {
  for (const field of [null, '', ' , ', 'identity', ' identity , ', 'IDENTITY,identity'])
    t.strictSame(codingsOf(field), [], JSON.stringify(field))
  t.strictSame(codingsOf('gzip, identity, , br'), ['br', 'gzip'])
  t.end()
})

test('says null when a coding is not known, or there are more than three', t => {
  for (const field of ['compress', 'gzip, compress', 'compress, gzip', 'gzip;q=1', 'constructor'])
    t.equal(codingsOf(field), null, field)
  t.equal(codingsOf('__proto__'), null)
  t.equal(codingsOf('gzip, gzip, gzip, gzip'), null)
  t.equal(codingsOf('gzip, identity, gzip, identity, gzip, gzip'), null)
  t.end()
})
