/**
 * What is used of cephes. Its own types are not reachable through the `exports` of the package.
 */
declare module 'cephes' {
  const cephes: {
    /** Resolved when the functions can be called: the ES module compiles its code asynchronously. */
    readonly compiled: Promise<void>
    incbet(a: number, b: number, x: number): number
    incbi(a: number, b: number, p: number): number
  }
  export default cephes
}
