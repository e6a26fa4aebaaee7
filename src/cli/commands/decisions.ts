/** `sluice decisions`: the audit log of a route, newest first, each with who, why and its evidence. */
import type { AuditEntry } from '../../ports.ts'
import { DECISIONS } from '../answers.ts'
import { usage } from '../args.ts'
import type { Command } from '../command.ts'
import { callRoute, member } from '../documents.ts'
import { EXIT } from '../exit.ts'
import { percent, table } from '../screen.ts'

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

export const decisions: Command = {
  name: 'decisions',
  summary: 'what was changed on a route, by whom, and with what evidence',
  usage: 'decisions ROUTE [--since 2h] [--limit N]',
  examples: [
    'sluice decisions fraud',
    'sluice decisions fraud --since 2h',
    'sluice decisions fraud --since 2026-11-20T00:00:00Z --json'
  ],
  help: `Newest first. CHANGE shows rollbacks that began or ended by their id, shares before -> after, and shadows
that were switched.
Every accepted change has exactly one entry; entries are chained by SHA-256.`,
  options: {
    since: { value: 'TIME', text: 'a time (ISO 8601) or how long ago: 30s, 15m, 2h, 7d' },
    limit: { value: 'N', text: 'at most this many entries (default 50)' }
  },
  words: [1, 1],
  async run({ args, api, json, screen }) {
    const [route = ''] = args.words
    const query = new URLSearchParams({ limit: limitOf(args.value('limit')) })
    const since = args.value('since')
    if (since !== undefined) query.set('since', sinceOf(since))
    const { body } = await callRoute(api, route, `/decisions?${query}`, DECISIONS, 'decisions')
    if (json) screen.json(body)
    else for (const line of lines(body)) screen.line(line)
    return EXIT.ok
  }
}

function lines(entries: readonly AuditEntry[]): string[] {
  if (entries.length === 0) return ['nothing has been decided in this time']
  const rows = entries.map(entry => [
    entry.at,
    entry.type,
    entry.variant ?? '',
    entry.by,
    entry.revision ?? '',
    changeOf(entry),
    entry.reason
  ])
  return table(['AT', 'WHAT', 'VARIANT', 'BY', 'REVISION', 'CHANGE', 'WHY'], rows)
}

/** Rollbacks that began or ended, shares before and after, shadows: `rb-1f, v3 80 % -> 100 %, shadow try off`. */
function changeOf({ before, after }: AuditEntry): string {
  const [was, is] = [idsOf(before), idsOf(after)]
  const ids = [...is.filter(id => !was.includes(id)), ...was.filter(id => !is.includes(id))]
  const [from, to] = [sharesOf(before), sharesOf(after)]
  const names = [...new Set([...from.keys(), ...to.keys()])]
  const moved = names
    .filter(name => from.get(name) !== to.get(name))
    .map(name => `${name} ${percent(from.get(name) ?? 0)} -> ${percent(to.get(name) ?? 0)}`)
  return [...ids, ...moved, ...switchesOf(before, after), ...actionOf(after)].join(', ')
}

/** What a trigger did that changed no document: a quarantine, or nothing because of its settings. */
function actionOf(after: unknown): readonly string[] {
  const action = member(after, 'action')
  if (typeof action !== 'string') return []
  return [member(after, 'dryRun') === true ? `${action} (dry run)` : action]
}

/** Shadows that were switched. */
function switchesOf(before: unknown, after: unknown): readonly string[] {
  const was = member(before, 'shadows')
  return Object.entries(Object(member(after, 'shadows'))).flatMap(([name, now]) => {
    const on = member(now, 'on') === true
    const wasOn = member(member(was, name), 'on') !== false
    return on === wasOn ? [] : [`shadow ${name} ${on ? 'on' : 'off'}`]
  })
}

function idsOf(state: unknown): readonly string[] {
  return Object.values(Object(member(state, 'rolledBack'))).map(one => String(member(one, 'id')))
}

function sharesOf(state: unknown): ReadonlyMap<string, number> {
  const entries = Object.entries(Object(member(state, 'weights')))
  return new Map(entries.map(([name, share]) => [name, Number(share)]))
}

function limitOf(text = '50'): string {
  if (/^[1-9]\d{0,3}$/.test(text)) return text
  throw usage(`--limit is a number from 1 to 9999, not "${text}"`, 'decisions')
}

function sinceOf(text: string): string {
  const [, amount, unit = ''] = /^(\d+)([smhd])$/.exec(text) ?? []
  const seconds = UNITS[unit]
  if (amount !== undefined && seconds !== undefined) {
    return new Date(Date.now() - Number(amount) * seconds * 1000).toISOString()
  }
  const time = Date.parse(text)
  if (Number.isNaN(time)) {
    throw usage(`--since is a time or a duration as 2h, not "${text}"`, 'decisions')
  }
  return new Date(time).toISOString()
}
