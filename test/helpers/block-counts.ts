/**
 * How often code ran, counted by the engine and not by the code itself: the largest count of any block in files
 * under a folder. So a test can say that a piece of work is bounded without looking at a clock.
 */
import { Session } from 'node:inspector'

export type BlockCounts = {
  /** The largest count since the last call. */
  largest(): { readonly count: number; readonly where: string }
  end(): void
}

type Coverage = {
  readonly result: readonly {
    readonly url: string
    readonly functions: readonly {
      readonly functionName: string
      readonly ranges: readonly { readonly count: number; readonly startOffset: number }[]
    }[]
  }[]
}

/** Counts blocks of all files whose address contains `folder`. */
export function countBlocks(folder: string): BlockCounts {
  const session = new Session()
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  return {
    largest() {
      let count = 0
      let where = ''
      session.post('Profiler.takePreciseCoverage', (error, coverage) => {
        if (error !== null) throw new Error('there is no coverage', { cause: error })
        for (const { url, functions } of (coverage as Coverage).result) {
          if (!url.includes(folder)) continue
          for (const { functionName, ranges } of functions) {
            for (const range of ranges) {
              if (range.count <= count) continue
              count = range.count
              where = `${functionName} at ${range.startOffset} of ${url.slice(url.lastIndexOf('/') + 1)}`
            }
          }
        }
      })
      return { count, where }
    },
    end() {
      session.post('Profiler.stopPreciseCoverage')
      session.disconnect()
    }
  }
}
