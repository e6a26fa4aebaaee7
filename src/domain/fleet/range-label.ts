/**
 * A short name of what assigns units and judges answers, equal on two replicas when they do it alike: only then
 * their counts are summed (triggers.md, rule 3). 64 bits, so that two states never share one by chance.
 */
import { murmur32 } from '../hash.ts'

const SEEDS = [0x5f1a2c3d, 0x1b873593] as const

/** `key` is all that counts, as text that replicas build alike. */
export function rangeLabel(key: string): string {
  const bytes = new TextEncoder().encode(key)
  return SEEDS.map(seed => murmur32(bytes, seed).toString(36)).join('-')
}
