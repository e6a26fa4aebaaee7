/**
 * The scheduling policy of a process and all its threads, on Linux: `idle` (SCHED_IDLE) or `other`, as all begin.
 *
 * Node has no call for it, so chrt of util-linux sets it. Nobody may leave SCHED_IDLE again without CAP_SYS_NICE, so
 * that without it, or without chrt, no policy is chosen at all.
 */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { ProcessPolicy } from '../ports.ts'

const CAP_SYS_NICE = 23n // capability.h

/** Whether a process of ours can go to `idle` and come back. */
export function mayChoosePolicy(): boolean {
  try {
    const status = readFileSync('/proc/self/status', 'utf8')
    const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'
    return ((BigInt(`0x${effective}`) >> CAP_SYS_NICE) & 1n) === 1n
  } catch {
    return false // another system
  }
}

/** False: it was not done. Never rejects. */
export function setProcessPolicy(pid: number, policy: ProcessPolicy): Promise<boolean> {
  return new Promise(resolve => {
    execFile('chrt', ['--all-tasks', `--${policy}`, '--pid', '0', String(pid)], error => {
      resolve(error === null)
    })
  })
}
