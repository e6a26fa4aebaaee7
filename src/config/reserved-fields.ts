/**
 * Fields that frame a message or that the router writes itself: neither a rewrite nor a unit may touch them.
 *
 * Exports: `RESERVED`. Names that begin with `x-sluice-` are reserved too.
 */
export const RESERVED: readonly string[] = [
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'via'
]
