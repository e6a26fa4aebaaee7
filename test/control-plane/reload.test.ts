import { test } from 'tap'
import { createReload } from '../../src/control-plane/reload.ts'
import { fail } from '../../src/errors.ts'
import { configOf } from '../helpers/config-file.ts'
import { memoryFleet } from '../helpers/memory-fleet.ts'
import { ROUTE, startReplica } from '../helpers/replica.ts'

const FILE = `
routes:
  ${ROUTE}:
    match: { paths: [/] }
    protocol: json
    variants:
      v3: { upstreams: ["http://127.0.0.1:8001"] }
      v4: { upstreams: ["http://127.0.0.1:8002"] }
    champion: v3
`
const OPERATOR = { id: 'admin', reason: 'another protocol', requestId: 'r-1' }

test('says that a reload is in force when its audit entry cannot be kept', async t => {
  const fleet = memoryFleet([ROUTE])
  const config = await configOf(t, FILE)
  const { roster, store } = startReplica(fleet, 'a', config)
  const next = await configOf(t, FILE.replace('protocol: json', 'protocol: kserve-v1'))
  const lines: string[] = []
  const line = (_fields: unknown, text: string) => void lines.push(text)
  const audit = async () => {
    throw fail('SLC_STATE_UNKNOWN', ['"/state/audit.ndjson": no space is left (ENOSPC)'])
  }
  const reload = createReload({
    config,
    load: async () => ({ ok: true, config: next, warnings: [] }),
    roster,
    store: { ...store, audit },
    upstreams: { configure: () => undefined },
    clock: fleet.clock,
    log: { debug: line, info: line, warn: line, error: line },
    newId: prefix => `${prefix}-1`
  })
  reload.begin()
  const { changed, warnings } = await reload.run(OPERATOR)
  t.same(changed, [ROUTE])
  t.equal(warnings.length, 1)
  t.match(warnings[0], /^The reload is in force, .*"\/state\/audit\.ndjson": no space is left/)
  t.equal(roster.get(ROUTE)?.config.protocol, 'kserve-v1')
  t.ok(reload.lastSucceeded())
  t.ok(lines.includes('a reload is in force without its audit entry'))
})
