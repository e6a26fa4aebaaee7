/** The part of autocannon's programmatic interface that the load generator uses; the package has no types. */
declare module 'autocannon' {
  export type Options = {
    readonly url: string
    readonly connections: number
    readonly duration: number // seconds
    readonly overallRate?: number // requests a second over all connections
    readonly timeout?: number // seconds
    readonly requests: readonly {
      readonly method: string
      readonly path: string
      readonly headers: Readonly<Record<string, string>>
      readonly body: string
    }[]
  }
  export type Result = {
    readonly requests: { readonly total: number; readonly sent: number }
    readonly latency: { readonly p50: number; readonly p99: number; readonly max: number } // ms
    readonly errors: number
    readonly timeouts: number
    readonly non2xx: number
    readonly duration: number // seconds
  }
  export default function autocannon(options: Options): Promise<Result>
}
