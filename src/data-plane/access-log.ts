/**
 * The access log: one JSON line per sampled request, on stderr, off by default.
 *
 * Lines are collected and written by the sweep, one write at a time; when the destination is slower than the
 * requests, lines are dropped and counted rather than kept. No query gets into a line, and a unit only as its id.
 */
import { write } from 'node:fs'
import type { AccessLogSettings } from '../domain/snapshot.ts'
import { unitIds } from '../telemetry/unit-id.ts'
import type { Exchange } from './exchange.ts'

const MAX_BUFFERED = 1024 * 1024
const MAX_TEXT = 1024
const STDERR = 2

type UnitId = ReturnType<typeof unitIds>

export class AccessLog {
  readonly #descriptor: number
  #sampling: { readonly share: number; readonly unitId: UnitId } | null = null // null: off
  #lines = ''
  #writing = false
  #dropped = 0

  constructor(descriptor = STDERR) {
    this.#descriptor = descriptor
  }

  /** What the snapshot in force says. */
  configure(settings: AccessLogSettings | null): void {
    this.#sampling =
      settings === null ? null : { share: settings.sample, unitId: unitIds(settings.unitKey) }
  }

  add(exchange: Exchange): void {
    const sampling = this.#sampling
    if (sampling === null || Math.random() >= sampling.share) return
    if (this.#lines.length > MAX_BUFFERED) {
      this.#dropped++
      return
    }
    this.#lines += `${JSON.stringify(lineOf(exchange, sampling.unitId))}\n`
  }

  flush(): void {
    if (this.#writing || this.#lines === '') return
    if (this.#dropped > 0) {
      this.#lines += `${JSON.stringify({ msg: 'access log lines dropped', lines: this.#dropped })}\n`
      this.#dropped = 0
    }
    const lines = this.#lines
    this.#lines = ''
    this.#writing = true
    write(this.#descriptor, lines, error => {
      this.#writing = false
      if (error !== null) this.#dropped++
    })
  }
}

function lineOf(exchange: Exchange, unitId: UnitId): Readonly<Record<string, unknown>> {
  const { decision, head, variant } = exchange
  const unit = decision?.unit ?? null
  const now = exchange.lane.now()
  return {
    msg: 'request',
    time: new Date().toISOString(),
    requestId: exchange.requestId,
    peer: exchange.client.peer,
    method: head?.method ?? null,
    host: head?.host ?? null,
    path: head?.path.slice(0, MAX_TEXT) ?? null,
    status: exchange.status,
    outcome: exchange.outcome,
    route: decision?.route.name ?? null,
    variant: variant?.snapshot.name ?? null,
    reason: exchange.reason,
    unitId: unit === null ? null : unitId(unit),
    revision: decision?.route.revision ?? null,
    bytes: exchange.bytesOut,
    ms: Math.round((now - exchange.arrivedAt) * 1000) / 1000,
    ...(exchange.afterRollback ? { afterRollback: true } : {})
  }
}
