/** Exit codes of every verb; part of the interface, so scripts may rely on them. */
export const EXIT = {
  ok: 0,
  negative: 1, // the answer is no: refused, not healthy, rolled back
  usage: 2, // wrong words, invalid configuration, a start that cannot be
  inconclusive: 3, // timed out, or nobody can say whether it was done
  noAccess: 4 // unreachable, or not allowed
} as const
export type Exit = (typeof EXIT)[keyof typeof EXIT]

/** As the help shows them. 69 is said by bin/sluice.js alone. */
export const EXIT_TEXT = [
  '0   done, or yes',
  '1   the answer is no: refused by the router, not healthy, rolled back',
  '2   wrong usage, an invalid configuration, or a start that cannot be',
  '3   timed out or inconclusive: it may have been done; look before you repeat',
  '4   the admin API is unreachable, or does not allow it',
  '69  this Node is too old'
].join('\n  ')
