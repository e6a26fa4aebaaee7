/**
 * Gives the memory of a buffer back now. The collector sees an object of a few bytes where a body of a megabyte
 * hangs on it, and lets tens of megabytes of them stand before it comes (64 MiB in V8).
 *
 * For bytes that are nobody else's: a view of a part of a buffer is left alone. Never for bytes that a socket may
 * still be writing. Whoever looks at the bytes afterwards finds none.
 */
export function releaseBytes(bytes: Uint8Array | null): void {
  if (bytes === null || bytes.length === 0) return
  const { buffer } = bytes
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.length) buffer.transfer(0)
}
