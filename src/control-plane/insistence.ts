/**
 * Writes that are tried again until the store takes them: what triggers decide must not be lost to an outage.
 *
 * One chain of tries for each thing that is wanted, however often it is asked for meanwhile; a chain ends when the
 * store has answered, or when `wanted` says that the moment has passed.
 */
import type { Author, Operation } from '../domain/operations.ts'
import type { Log, StateStore } from '../ports.ts'

export type Wish = {
  readonly route: string
  readonly variant: string
  readonly run: string // rollout id that it is about
  readonly operation: Operation
  readonly author: Author
  /** Whether it still makes sense; asked before each further try. */
  readonly wanted: () => boolean
}

export type Insistence = {
  insist(wish: Wish): void
  /** Chains that are under way, as `<route>/<variant>/<kind>`. */
  pending(): readonly string[]
  stop(): void
}

const RETRY_MS = 1_000

export function createInsistence(
  store: Pick<StateStore, 'write'>,
  log: Log,
  retryMs = RETRY_MS
): Insistence {
  const wishes = new Map<string, Wish>()
  const timers = new Map<string, NodeJS.Timeout>()
  let stopped = false

  async function attempt(key: string, failures: number): Promise<void> {
    const wish = wishes.get(key)
    if (wish === undefined) return
    const { route, operation, author } = wish
    const facts = { route, operation: operation.kind, variant: wish.variant }
    try {
      const result = await store.write(route, operation, author)
      if (result.status === 'refused') log.warn({ ...facts, ...result.refusal }, REFUSED)
      if (failures > 0) log.info({ ...facts, failures }, 'the store took it at last')
    } catch (error) {
      if (failures === 0) log.error({ ...facts, err: error }, 'the store refused; trying again')
      else log.debug({ ...facts, err: error, failures }, 'the store refused again')
      again(key, failures + 1)
      return
    }
    if (wishes.get(key) === wish) wishes.delete(key)
    else void attempt(key, 0)
  }

  function again(key: string, failures: number): void {
    if (stopped) return
    const timer = setTimeout(() => {
      timers.delete(key)
      if (wishes.get(key)?.wanted() === true) void attempt(key, failures)
      else wishes.delete(key)
    }, retryMs)
    timer.unref()
    timers.set(key, timer)
  }

  return {
    insist(wish) {
      const key = `${wish.route}/${wish.variant}/${wish.operation.kind}`
      const known = wishes.get(key)
      if (known?.run === wish.run) return
      wishes.set(key, wish)
      if (known === undefined) void attempt(key, 0)
    },
    pending: () => [...wishes.keys()],
    stop() {
      stopped = true
      for (const timer of timers.values()) clearTimeout(timer)
      timers.clear()
    }
  }
}

const REFUSED = 'the store refused what a trigger decided'
