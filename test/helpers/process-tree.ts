/** A process with those that it started: Sluice has a process of its own for shadows and events. */
import { readFileSync } from 'node:fs'

/** The living children of the main thread of a process. None where it is gone. */
export function childrenOf(pid: number): readonly number[] {
  const text = read(`/proc/${pid}/task/${pid}/children`).trim()
  return text === '' ? [] : text.split(' ').map(Number)
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/**
 * Resident memory of a process and its children, in bytes. They run the same program, whose pages are in memory once:
 * of those that come from files, the most that one of them has.
 */
export function residentBytes(pid: number): number {
  const all = [pid, ...childrenOf(pid)].map(one => read(`/proc/${one}/status`))
  const kilobytes = (name: string) =>
    all.map(status => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0))
  const own = [...kilobytes('RssAnon'), ...kilobytes('RssShmem')]
  return (own.reduce((sum, each) => sum + each, 0) + Math.max(...kilobytes('RssFile'))) * 1024
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return '' // it has ended
  }
}
