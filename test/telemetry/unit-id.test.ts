import { createHmac } from 'node:crypto'
import { test } from 'tap'
import { unitIds } from '../../src/telemetry/unit-id.ts'

test('gives the first 16 bytes of the HMAC in hex when it names a unit', async t => {
  // RFC 4231, test case 2
  const id = unitIds(Buffer.from('Jefe'))('what do ya want for nothing?')
  t.equal(id, '5bdcc146bf60754e6a042426089575c7')
  const bytes = Buffer.from([0, 0xff, 0x80])
  const full = createHmac('sha256', 'k').update(bytes).digest('hex')
  t.equal(unitIds(Buffer.from('k'))(bytes.toString('latin1')), full.slice(0, 32))
})
