/**
 * The limit of open files of this process, which bounds its connections.
 */
import { readFileSync } from 'node:fs'

const ASSUMED = 1_024 // where the system does not say: the usual soft limit

/** Soft limit of open files; a conservative figure where the platform does not tell. */
export function fileLimit(): number {
  try {
    const line = readFileSync('/proc/self/limits', 'utf8')
      .split('\n')
      .find(text => text.startsWith('Max open files'))
    const soft = Number(line?.split(/\s+/)[3])
    return Number.isFinite(soft) && soft > 0 ? soft : ASSUMED
  } catch {
    return ASSUMED
  }
}
