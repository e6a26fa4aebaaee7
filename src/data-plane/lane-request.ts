/**
 * A request of Node's server that does not build an object of its fields.
 *
 * The gate reads them as received, where duplicates show; the object would only be made to be thrown away. Node
 * itself asks it for `expect` alone, so that, with `upgrade`, is all that it has.
 */
import { type IncomingHttpHeaders, IncomingMessage } from 'node:http'

export class LaneRequest extends IncomingMessage {}

// Defined on the prototype: the declared type has a property here, Node an accessor.
Object.defineProperty(LaneRequest.prototype, 'headers', {
  get(this: IncomingMessage): IncomingHttpHeaders {
    return fieldsForNode(this.rawHeaders)
  },
  set(): void {}
})

const NONE: IncomingHttpHeaders = Object.freeze({})

function fieldsForNode(raw: readonly string[]): IncomingHttpHeaders {
  let found: IncomingHttpHeaders = NONE
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const { length } = raw[i] ?? ''
    if (length !== EXPECT.length && length !== UPGRADE.length) continue
    const name = raw[i]?.toLowerCase()
    if (name !== EXPECT && name !== UPGRADE) continue
    if (found === NONE) found = {}
    const before = found[name]
    found[name] = before === undefined ? (raw[i + 1] ?? '') : `${before}, ${raw[i + 1]}`
  }
  return found
}

const EXPECT = 'expect'
const UPGRADE = 'upgrade'
