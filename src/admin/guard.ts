/**
 * The checks that need no knowledge of the call, in this order: Host 421, Origin or cross-site 403, token 401.
 *
 * The three root paths need neither a Host of the list nor a token. A wrong token is counted per address and
 * audited within bounds; a right one is never slowed. Which role a call needs is checked when it is known.
 */
import { fail, type SluiceError } from '../errors.ts'
import type { AccessAudit } from './access-audit.ts'
import type { Caller, Credentials } from './auth.ts'
import type { HostList } from './hosts.ts'
import { type Arrival, fieldsOf } from './listener.ts'
import { createWrongTokens } from './wrong-tokens.ts'

export const ROOT_PATHS: readonly string[] = ['/healthz', '/readyz', '/metrics']

/** The caller, null at a root path without need for one, or the error to answer. */
export type Admission = { readonly caller: Caller | null } | { readonly error: SluiceError }

export type GuardOptions = {
  readonly hosts: () => HostList
  readonly credentials: (fields: readonly string[]) => Credentials
  readonly accessAudit: AccessAudit
  readonly now: () => number // monotonic, ms
}

export function createGuard(
  options: GuardOptions
): (arrival: Arrival, requestId: string) => Admission {
  const wrongTokens = createWrongTokens()

  function wrong(address: string, requestId: string): Admission {
    const verdict = wrongTokens.count(address, options.now())
    if (!verdict.slow || verdict.turned) {
      options.accessAudit.record({
        what: verdict.slow ? 'wrong tokens slowed' : 'wrong token',
        address,
        by: 'unknown',
        requestId,
        count: verdict.count
      })
    }
    if (!verdict.slow) return { error: fail('SLC_ADMIN_TOKEN') }
    return { error: fail('SLC_ADMIN_SLOW_DOWN', [], { retryAfter: verdict.retryAfter }) }
  }

  return ({ request, authority }, requestId) => {
    const hosts = options.hosts()
    const [path = ''] = (request.url ?? '').split('?', 1)
    const root = ROOT_PATHS.includes(path)
    if (!root && !namesUs(hosts, authority, fieldsOf(request, 'host'))) {
      return { error: fail('SLC_ADMIN_HOST') }
    }
    if (fromElsewhere(hosts, fieldsOf(request, 'origin'), fieldsOf(request, 'sec-fetch-site'))) {
      return { error: fail('SLC_ADMIN_ORIGIN') }
    }
    if (root) return { caller: null }
    const found = options.credentials(fieldsOf(request, 'authorization'))
    if (found.kind === 'right') return { caller: found.caller }
    if (found.kind === 'none') return { error: fail('SLC_ADMIN_TOKEN') }
    return wrong(request.socket.remoteAddress ?? '', requestId)
  }
}

/** The authority of an absolute target does not excuse a foreign Host: a browser sets that one. */
function namesUs(hosts: HostList, authority: string | null, fields: readonly string[]): boolean {
  return authority !== null && hosts.allows(authority) && fields.every(hosts.allows)
}

function fromElsewhere(
  hosts: HostList,
  origins: readonly string[],
  sites: readonly string[]
): boolean {
  if (origins.length > 1 || origins.some(origin => !hosts.ownOrigin(origin))) return true
  return sites.length > 1 || sites.some(site => site !== 'same-origin' && site !== 'none')
}
