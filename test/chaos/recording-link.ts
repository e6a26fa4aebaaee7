/**
 * A connection that tells which documents a replica sent and which of them a store confirmed: by the answer to
 * the write, by a later reading of the document, or by its audit entry in the stream.
 *
 * A document is named by its digest. What nobody sent and what no store confirmed may be shown by no replica.
 */

import type { RedisLink } from '../../src/io/redis/link.ts'
import { digestOf } from '../../src/io/redis/remote-route.ts'
import { READ, WRITE } from '../../src/io/redis/scripts.ts'

export type LinkTold =
  | {
      readonly told: 'sent'
      readonly digest: string
      readonly document: unknown
      readonly entry: { readonly type: string; readonly requestId: string } | null
    }
  | { readonly told: 'confirmed'; readonly digest: string }

export function recordingLink(link: RedisLink, tell: (line: LinkTold) => void): RedisLink {
  const sent = new Map<string, string>() // digest of the document by SHA-256 of its audit entry
  const last = new Map<string, string>() // digest that was read last, by key

  function confirmRead(key: string, digest: unknown): void {
    if (typeof digest !== 'string' || digest === '' || last.get(key) === digest) return
    last.set(key, digest)
    tell({ told: 'confirmed', digest })
  }

  function confirmEntries(reply: unknown): void {
    const text = JSON.stringify(reply) ?? ''
    for (const [sha256, digest] of sent) {
      if (!text.includes(sha256)) continue
      sent.delete(sha256)
      tell({ told: 'confirmed', digest })
    }
  }

  return {
    ...link,
    async run(script, keys, args) {
      const [key = ''] = keys
      if (script !== WRITE) {
        const reply = await link.run(script, keys, args)
        if (script === READ && Array.isArray(reply)) confirmRead(key, reply[2])
        return reply
      }
      const [, , text = '', , sha256 = '', entry = ''] = args
      const digest = digestOf(text)
      if (text !== '') {
        tell({ told: 'sent', digest, document: JSON.parse(text), entry: parsed(entry) })
        if (sha256 !== '') sent.set(sha256, digest)
      }
      const reply = await link.run(script, keys, args)
      if (reply === 'ok' && text !== '') tell({ told: 'confirmed', digest })
      return reply
    },
    async command(name, key, ...args) {
      const reply = await link.command(name, key, ...args)
      if (name === 'xrange' && sent.size > 0) confirmEntries(reply)
      return reply
    }
  }
}

function parsed(entry: string): { readonly type: string; readonly requestId: string } | null {
  if (entry === '') return null
  const { type, requestId } = JSON.parse(entry) as Record<'type' | 'requestId', string> // the driver's
  return { type, requestId }
}
