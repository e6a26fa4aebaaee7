/**
 * The unit id: what events and logs have in the place of a unit. The first 16 bytes of HMAC-SHA256 in hex.
 *
 * Without the key nobody can find a unit by trying; with the same key the same unit has the same id in every
 * event and every line.
 */
import { createHmac, createSecretKey } from 'node:crypto'

/** Gives the 32 hex digits that stand for a unit (opaque bytes as latin1, one character a byte). */
export function unitIds(key: Uint8Array): (unit: string) => string {
  const secret = createSecretKey(key) // a key as bytes is made one for each call, which takes six times as long
  return unit => createHmac('sha256', secret).update(unit, 'latin1').digest('hex').slice(0, 32)
}
