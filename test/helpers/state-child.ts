/**
 * A process with an open state store that does what it is told, so that its limits can be changed from outside.
 *
 * Argument: the directory. Each line of stdin is a request, each line of stdout the answer to one, in order.
 */
import { createInterface } from 'node:readline'
import type { Author, Operation } from '../../src/domain/operations.ts'
import { SluiceError } from '../../src/errors.ts'
import { createFileState } from '../../src/io/file-state.ts'
import type { StateStore } from '../../src/ports.ts'
import { first } from './state-documents.ts'
import { silentLog, systemClock } from './state-process.ts'

export type ChildRequest =
  | { readonly call: 'read'; readonly route: string }
  | { readonly call: 'decisions' }
  | {
      readonly call: 'write'
      readonly route: string
      readonly operation: Operation
      readonly author: Author
    }

export type ChildAnswer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: string; readonly message: string }

if (import.meta.main) await main(process.argv[2] ?? '')

async function main(directory: string): Promise<void> {
  const store = createFileState({ directory, clock: systemClock, log: silentLog })
  await answer(() => store.open(['fraud'], route => first(route)))
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line) as ChildRequest // our own test sends them
    await answer(() => carryOut(store, request))
  }
  await store.close()
}

async function carryOut(store: StateStore, request: ChildRequest): Promise<unknown> {
  if (request.call === 'read') return store.read(request.route)
  if (request.call === 'decisions') return store.decisions({ limit: 100 })
  return store.write(request.route, request.operation, request.author)
}

async function answer(task: () => Promise<unknown>): Promise<void> {
  process.stdout.write(`${JSON.stringify(await outcomeOf(task))}\n`)
}

async function outcomeOf(task: () => Promise<unknown>): Promise<ChildAnswer> {
  try {
    return { ok: true, value: (await task()) ?? null }
  } catch (error) {
    const code = error instanceof SluiceError ? error.code : 'none'
    return { ok: false, code, message: String(error) }
  }
}
