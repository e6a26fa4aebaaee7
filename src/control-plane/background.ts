/**
 * Lets a process of background work run only where a core has nothing else to do, and takes that back for a while
 * when it gets too little.
 *
 * A low priority alone is felt on a machine with few cores: Linux lets a thread that runs finish its slice of some
 * milliseconds, and its core counts as taken, so that a thread that answers a user waits behind it. A thread of
 * SCHED_IDLE gives way at once, and its core counts as free. On a machine that is always busy it would never run.
 */
import type { Log, ProcessPolicy } from '../ports.ts'

export type Background = {
  begin(pid: number): void
  /** It said how late its loop of events is, in seconds. */
  heard(delaySeconds: number): void
  /** To be called once a second. */
  tick(): void
  /** The process has ended. */
  end(): void
}

export type BackgroundOptions = {
  /** False: it was not done. */
  readonly setPolicy: (pid: number, policy: ProcessPolicy) => Promise<boolean>
  readonly now: () => number // monotonic, ms
  readonly log: Log
}

const LATE_S = 0.15 // of a loop whose longest steps take milliseconds
const SILENT_MS = 2_500 // of a process that speaks once a second
const AWAY_MS = 4_000 // from `idle` at first, doubled each time in a row: what disturbs a machine is often over soon
const LONGEST_AWAY_MS = 600_000
const STEADY_MS = 60_000 // who had enough for so long ends a row

export function createBackground(options: BackgroundOptions): Background {
  const { now, log } = options
  let pid: number | null = null
  let policy: ProcessPolicy = 'other'
  let since = 0 // of the policy
  let heardAt = 0
  let away = AWAY_MS

  function change(to: ProcessPolicy): void {
    const which = pid
    if (which === null) return
    policy = to
    since = now()
    heardAt = since
    void options.setPolicy(which, to).then(done => {
      if (done || which !== pid) return
      pid = null // it stays as it is
      log.debug({ policy: to }, 'the policy of the shadow process cannot be set')
    })
  }

  function relieve(): void {
    if (now() - since > STEADY_MS) away = AWAY_MS
    log.info(
      { seconds: away / 1000 },
      'the machine has no time for the shadow process, which is none of the background for a while'
    )
    change('other')
  }

  return {
    begin(id) {
      pid = id
      away = AWAY_MS
      change('idle')
    },
    heard(delaySeconds) {
      heardAt = now()
      if (policy === 'idle' && delaySeconds > LATE_S) relieve()
    },
    tick() {
      if (pid === null) return
      if (policy === 'idle') {
        if (now() - heardAt > SILENT_MS) relieve()
      } else if (now() - since > away) {
        away = Math.min(2 * away, LONGEST_AWAY_MS)
        change('idle')
      }
    },
    end() {
      pid = null
      policy = 'other'
    }
  }
}

/** Where no policy can be chosen. */
export const NO_BACKGROUND: Background = {
  begin: () => undefined,
  heard: () => undefined,
  tick: () => undefined,
  end: () => undefined
}
