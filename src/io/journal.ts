/**
 * A small file of JSON lines that survive a crash: what was decided and is not known to be anywhere else yet.
 *
 * `append` resolves when the line is durable. A line that a crash cut is left out when the file is read. The
 * file is written anew, as a whole, when what it keeps has become little against what it holds.
 */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { canonicalJson } from '../domain/canonical-json.ts'
import { codeOf, onPath } from './disk-fault.ts'
import { readWhole, replaceWhole, syncDirectory } from './durable-file.ts'
import { isFull, type Reserve } from './reserve.ts'

const MAX_BYTES = 64 * 1024 * 1024

export type Journal = {
  /** Every line that is whole and JSON, in order, and how many were not. Throws when the file cannot be read. */
  read(): Promise<{ readonly records: readonly unknown[]; readonly damaged: number }>
  /** One line more. A full disk takes it from the reserve. Throws the system's error. */
  append(record: unknown): Promise<void>
  /** Replaces all lines. Throws the system's error, and then the old ones stay. */
  rewrite(records: readonly unknown[]): Promise<void>
}

export function createJournal(directory: string, name: string, reserve: Reserve): Journal {
  const path = join(directory, name)
  let queue: Promise<unknown> = Promise.resolve()

  function inOrder<Result>(task: () => Promise<Result>): Promise<Result> {
    const done = queue.then(task)
    queue = done.catch(() => undefined)
    return done
  }

  async function write(bytes: Buffer): Promise<void> {
    const file = await open(path, 'a', 0o600)
    try {
      const { size } = await file.stat()
      try {
        await file.appendFile(bytes)
        await file.sync()
      } catch (error) {
        await file.truncate(size).catch(() => undefined) // half a line would hide the next one
        throw error
      }
      if (size === 0) await syncDirectory(directory)
    } finally {
      await file.close()
    }
  }

  return {
    read: () =>
      inOrder(async () => {
        const reading = await readWhole(path, MAX_BYTES)
        if (reading.is === 'nothing') return { records: [], damaged: 0 }
        if (reading.is === 'unusable') throw onPath(new Error(reading.reason), path)
        return parseLines(reading.bytes.toString('utf8'))
      }),
    append: record =>
      inOrder(async () => {
        const bytes = Buffer.from(`\n${canonicalJson(record)}\n`) // a line that a crash cut ends here
        try {
          await write(bytes)
        } catch (error) {
          if (!isFull(codeOf(error)) || !(await reserve.give())) throw onPath(error, path)
          await write(bytes).catch(again => {
            throw onPath(again, path)
          })
        }
      }),
    rewrite: records =>
      inOrder(() => {
        const text = records.map(record => `${canonicalJson(record)}\n`).join('')
        return replaceWhole(directory, name, Buffer.from(text))
      })
  }
}

function parseLines(text: string): { records: readonly unknown[]; damaged: number } {
  const records: unknown[] = []
  let damaged = 0
  for (const line of text.split('\n')) {
    if (line === '') continue
    try {
      records.push(JSON.parse(line))
    } catch {
      damaged++
    }
  }
  return { records, damaged }
}
