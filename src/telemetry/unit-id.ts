/**
 * The unit id: what events and logs have in the place of a unit. The first 16 bytes of HMAC-SHA256 in hex.
 *
 * Without the key nobody can find a unit by trying; with the same key the same unit has the same id in every
 * event and every line.
 */
import { createHmac } from 'node:crypto'

/** 32 hex digits that stand for `unit` (opaque bytes). */
export function unitId(key: Uint8Array, unit: Uint8Array): string {
  return createHmac('sha256', key).update(unit).digest('hex').slice(0, 32)
}
