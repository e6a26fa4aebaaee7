/**
 * Keeps kafkajs from waking up a thousand times a second for nothing.
 *
 * Each of its connections arms a timer for requests that a quota of the broker holds back, and arms it again with
 * a negative time when there are none, for ever: 2 % of a core while idle, and a TimeoutNegativeWarning. Here it
 * is armed only while a request is held back. Written against kafkajs 2.2.4; its test fails with any other text.
 */
import { createRequire } from 'node:module'

type RequestQueue = { readonly pending: readonly unknown[] }
type Schedule = (this: RequestQueue) => void

const PATH = 'kafkajs/src/network/requestQueue/index.js'
const wrapped = new WeakSet<object>()

/** Changes the class of the loaded package, once per thread; a package without the method stays as it is. */
export function calmRequestTimer(): void {
  const { prototype } = requestQueueClass()
  const schedule = prototype.scheduleCheckPendingRequests
  if (schedule === undefined || wrapped.has(prototype)) return
  wrapped.add(prototype)
  prototype.scheduleCheckPendingRequests = function scheduleWhenHeldBack(this: RequestQueue) {
    if (this.pending.length > 0) schedule.call(this)
  }
}

/** The file that is changed. */
export function requestQueuePath(): string {
  return createRequire(import.meta.url).resolve(PATH)
}

function requestQueueClass(): { readonly prototype: { scheduleCheckPendingRequests?: Schedule } } {
  // No part of the package's types: its text is what the test holds fast.
  const loaded: unknown = createRequire(import.meta.url)(PATH)
  if (typeof loaded !== 'function') return { prototype: {} }
  return loaded as unknown as ReturnType<typeof requestQueueClass>
}
