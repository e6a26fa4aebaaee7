/**
 * What the machine says: how many CPUs this process may use, and on what a directory lies.
 *
 * Exports: `autoThreads`, `cpuQuota`, `mountOf`, `Mount`.
 *
 * Sources: cgroup v2 `cpu.max` and v1 `cpu.cfs_quota_us` (kernel documentation), proc_pid_mountinfo(5).
 */
import { readFileSync, realpathSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, resolve } from 'node:path'

const MOST = 4

/** min(4, CPU quota), at least 1. `root` is where proc and sys are. */
export function autoThreads(root = '/'): number {
  const cpus = Math.min(cpuQuota(root) ?? Number.POSITIVE_INFINITY, availableParallelism())
  return Math.max(1, Math.min(MOST, Math.floor(cpus)))
}

/** CPUs that the control groups of this process allow, the tightest of all levels; null without a limit. */
export function cpuQuota(root = '/'): number | null {
  const groups = textOf(join(root, 'proc/self/cgroup'))
  if (groups === null) return null
  let quota = Number.POSITIVE_INFINITY
  for (const line of groups.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (path === undefined) continue
    const base =
      controllers === ''
        ? 'sys/fs/cgroup'
        : controllers?.split(',').includes('cpu')
          ? 'sys/fs/cgroup/cpu'
          : null
    if (base === null) continue
    for (const folder of upwards(path)) {
      quota = Math.min(quota, quotaIn(join(root, base, folder), controllers === '' ? 2 : 1))
    }
  }
  return Number.isFinite(quota) ? quota : null
}

export type Mount = { readonly point: string; readonly type: string }

/** The mount that a path (or its nearest parent that exists) lies on; null where the system does not say. */
export function mountOf(path: string, root = '/'): Mount | null {
  const text = textOf(join(root, 'proc/self/mountinfo'))
  if (text === null) return null
  const real = existing(resolve(path))
  let found: Mount | null = null
  for (const line of text.split('\n')) {
    const [before, after] = line.split(' - ')
    const point = before
      ?.split(' ')[4]
      ?.replace(/\\([0-7]{3})/g, (_, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8))
      )
    const type = after?.split(' ')[0]
    if (point === undefined || type === undefined || !isUnder(real, point)) continue
    if (found === null || point.length >= found.point.length) found = { point, type }
  }
  return found
}

function quotaIn(folder: string, version: 1 | 2): number {
  const [quota, period] =
    version === 2
      ? (textOf(join(folder, 'cpu.max')) ?? 'max').trim().split(' ')
      : [textOf(join(folder, 'cpu.cfs_quota_us')), textOf(join(folder, 'cpu.cfs_period_us'))]
  const cpus = Number(quota) / Number(period ?? 100_000)
  return quota !== null && cpus > 0 ? cpus : Number.POSITIVE_INFINITY
}

function upwards(path: string): string[] {
  const folders = [path]
  for (let at = path; at !== '/' && at !== '.'; at = dirname(at)) folders.push(dirname(at))
  return folders
}

function existing(path: string): string {
  for (let at = path; ; at = dirname(at)) {
    try {
      return realpathSync(at)
    } catch {
      if (at === dirname(at)) return at
    }
  }
}

function isUnder(path: string, point: string): boolean {
  return point === '/' || path === point || path.startsWith(`${point}/`)
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
