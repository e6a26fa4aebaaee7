/**
 * Waiting for a condition with a deadline; the only way in which a test waits.
 *
 * The deadline ends a hung run and decides nothing else: a machine that does much beside may be ten times slower.
 * `probe` is asked again every `every` ms until it gives something but undefined or false. A probe that throws
 * counts as "not yet"; the last error is told when the deadline passes.
 */
export const HUNG_MS = 120_000

export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  { within = HUNG_MS, every = 25 }: { readonly within?: number; readonly every?: number } = {}
): Promise<T> {
  const end = performance.now() + within
  let last: unknown
  for (;;) {
    try {
      const value = await probe()
      if (value !== undefined && value !== false) return value
    } catch (error) {
      last = error
    }
    if (performance.now() > end) {
      throw new Error(`not in ${within} ms: ${what}`, last === undefined ? {} : { cause: last })
    }
    await new Promise(resolve => setTimeout(resolve, every))
  }
}
