import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { flushCompileCache } from 'node:module'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { isLater, type RouteDocument, revisionOf } from '../../src/domain/document.ts'
import { parseRevision } from '../../src/domain/recovery.ts'
import { createFileState } from '../../src/io/file-state.ts'
import type { AuditEntry, StateStore } from '../../src/ports.ts'
import { seeded } from '../helpers/seeded.ts'
import { first, rollbackId } from '../helpers/state-documents.ts'
import { silentLog, systemClock } from '../helpers/state-process.ts'
import { type Said, WRITER_ROUTES } from '../helpers/state-writer.ts'

const ROUNDS = Number(process.env['SLUICE_CRASH_ROUNDS'] ?? 50)
const LANES = 2

t.setTimeout(15 * 60_000)

t.test(
  `is readable and has every acknowledged rollback when its process is killed ${ROUNDS} times`,
  async t => {
    const seed = Number(process.env['SLUICE_SEED'] ?? 1)
    t.comment(`seed ${seed}`)
    t.testdir()
    flushCompileCache() // a writer that is killed leaves no compiled code for the next; ours is the same
    const totals = await Promise.all(
      Array.from({ length: LANES }, (_, lane) => killAgainAndAgain(t, lane, seed))
    )
    const sum = (of: (total: Total) => number) => totals.reduce((all, total) => all + of(total), 0)
    const kills = sum(({ kills }) => kills)
    const rollbacks = sum(({ rollbacks }) => rollbacks)
    const interrupted = sum(({ interrupted }) => interrupted)
    t.comment(`${kills} kills, ${sum(({ changes }) => changes)} changes acknowledged`)
    t.comment(`${rollbacks} rollbacks acknowledged, ${interrupted} changes interrupted midway`)
    t.same(totals.flatMap(({ faults }) => faults).slice(0, 5), [])
    t.equal(kills, ROUNDS)
    t.ok(rollbacks > ROUNDS, 'there were rollbacks to lose')
  }
)

type Total = {
  readonly kills: number
  readonly changes: number
  readonly rollbacks: number
  readonly interrupted: number
  readonly faults: readonly string[]
}

async function killAgainAndAgain(t: Test, lane: number, seed: number): Promise<Total> {
  const directory = join(t.testdirName, `lane-${lane}`)
  const random = seeded(seed * 1000 + lane)
  const faults: string[] = []
  let ledger: Ledger = new Map()
  let kills = 0
  let changes = 0
  let rollbacks = 0
  let interrupted = 0
  for (let round = lane; round < ROUNDS; round += LANES) {
    const said = await runAndKill(directory, random)
    const accepted = said.filter(line => line.what === 'accepted')
    kills++
    changes += accepted.length
    rollbacks += accepted.filter(({ kind }) => kind === 'rollback').length
    const store = openState(directory)
    const warnings = await store.open(WRITER_ROUTES, firstOf)
    const settled = warnings.filter(({ reason }) => SETTLED.includes(reason))
    const alarms = warnings.filter(({ reason }) => ![...SETTLED, 'audit-repaired'].includes(reason))
    interrupted += settled.length
    const found = [
      ...alarms.map(({ message }) => message),
      ...faultsOf(store, promisedBy(said, ledger)),
      ...(round % 20 < LANES ? await logFaults(store) : [])
    ]
    faults.push(...found.map(fault => `round ${round}: ${fault}`))
    ledger = promisedAs(store)
    await store.close()
  }
  return { kills, changes, rollbacks, interrupted, faults }
}

/** Warnings of a change that was caught between its audit entry and its document. */
const SETTLED = ['change-withdrawn', 'rollback-finished']

function openState(directory: string): StateStore {
  const log = { rotateAuditAt: 20_000, keepAudit: 100_000 }
  return createFileState({ directory, clock: systemClock, log: silentLog, ...log })
}

function firstOf(route: string): RouteDocument {
  return first(route, { v3: 90, v4: 10 })
}

type Ledger = ReadonlyMap<string, Promised>

/** What holds for each route after a writer said all this. */
function promisedBy(said: readonly Said[], before: Ledger): Ledger {
  const ledger = new Map(before)
  for (const line of said) {
    if (line.what === 'open') continue
    const { route } = line
    const known = ledger.get(route) ?? { revision: '1-1', rollback: null, clearing: null }
    if (line.what === 'clearing') ledger.set(route, { ...known, clearing: line.rollback })
    else ledger.set(route, { revision: line.revision, rollback: line.rollback, clearing: null })
  }
  return ledger
}

/** What a store that was opened has shown is promised as well. */
function promisedAs(store: StateStore): Ledger {
  return new Map(
    WRITER_ROUTES.map(route => {
      const document = store.read(route)
      if (document === null) throw new Error(`route ${route} has no document`)
      const id = rollbackId(document, 'v4')
      const rollback = id === 'none' ? null : id
      return [route, { revision: revisionOf(document), rollback, clearing: null }]
    })
  )
}

/** What was promised for a route. */
type Promised = {
  readonly revision: string
  readonly rollback: string | null
  readonly clearing: string | null
}

function faultsOf(store: StateStore, ledger: Ledger): readonly string[] {
  const faults: string[] = []
  for (const [route, { revision, rollback, clearing }] of ledger) {
    const document = store.read(route)
    const promised = parseRevision(revision)
    if (document === null || promised === null) {
      faults.push(`${route} has no document`)
      continue
    }
    if (isLater(promised, document)) faults.push(`${route} fell back behind ${revision}`)
    if (document.revision > promised.revision + 1)
      faults.push(`${route} went on without being told`)
    const stands = rollbackId(document, 'v4')
    if (rollback !== null && clearing !== rollback && stands !== rollback) {
      faults.push(`${route} lost rollback ${rollback}`)
    }
  }
  return faults
}

/** Each change of a document has exactly one entry, and the chain is whole. */
async function logFaults(store: StateStore): Promise<readonly string[]> {
  const entries = [...(await store.decisions({ limit: 1_000_000 }))].reverse()
  const faults: string[] = []
  let last: AuditEntry | null = null
  for (const entry of entries) {
    if (last !== null && entry.sequence !== last.sequence + 1)
      faults.push(`gap at ${entry.sequence}`)
    if (last !== null && entry.previous !== last.sha256) faults.push(`chain at ${entry.sequence}`)
    last = entry
  }
  for (const route of WRITER_ROUTES) {
    const changes = entries.filter(entry => entry.route === route).length
    const revision = store.read(route)?.revision ?? 0
    if (changes !== revision - 1)
      faults.push(`${route} has ${changes} entries at revision ${revision}`)
  }
  return faults
}

/** Lets a writer say `lines` lines, kills it up to 5 ms later, and gives all that it said. */
async function runAndKill(directory: string, random: () => number): Promise<readonly Said[]> {
  const script = join(import.meta.dirname, '../helpers/state-writer.ts')
  const seed = String(Math.floor(random() * 2 ** 31))
  const child = spawn(process.execPath, [script, directory, seed], {
    stdio: ['ignore', 'pipe', 'pipe']
  })
  const wanted = Math.floor(random() * 30)
  let output = ''
  let errors = ''
  const spoke = new Promise<void>(resolve => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk
      if (output.split('\n').length > wanted) resolve()
    })
  })
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk
  })
  const closed = once(child, 'close')
  await Promise.race([spoke, closed])
  await delay(random() * 5)
  child.kill('SIGKILL')
  await closed
  if (child.signalCode !== 'SIGKILL') throw new Error(`the writer ended by itself: ${errors}`)
  const lines = output.split('\n').slice(0, -1)
  return lines.map(line => JSON.parse(line) as Said) // our own process wrote them
}
