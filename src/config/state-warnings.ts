/**
 * What is legal and dangerous about where the state is: a disk that vanishes or is shared, a store that others
 * can read or change, and settings that have no effect.
 *
 * Exports: `warnOfState`, `StateCircumstances`.
 */
import { isLoopback } from './address.ts'
import type { Config, RedisSettings } from './config.ts'
import type { Path, Report } from './diagnostics.ts'
import { mountOf } from './platform.ts'
import type { Environment } from './source.ts'

export type StateCircumstances = {
  readonly env: Environment
  readonly given: (path: Path) => boolean // whether the file says something there
  readonly root?: string // where proc is
}

const DIRECTORY: Path = ['state', 'directory']
const VOLATILE = ['tmpfs', 'ramfs', 'overlay']
const SHARED = [
  'nfs',
  'nfs4',
  'cifs',
  'smb3',
  'ceph',
  'glusterfs',
  'fuse.glusterfs',
  '9p',
  'lustre'
]

export function warnOfState(config: Config, around: StateCircumstances, warn: Report): void {
  const { state } = config
  const mount = mountOf(state.directory, around.root)?.type ?? ''
  if (VOLATILE.includes(mount)) {
    const lost =
      state.driver === 'file' ? 'weights and rollbacks' : 'rollbacks that Redis does not have yet'
    const owner = mount === 'overlay' ? 'container' : 'machine'
    warn(
      DIRECTORY,
      `${state.directory} is on ${mount}: ${lost} are lost with the ${owner}; put it on a volume`
    )
  }
  if (state.redis === null) warnOfFile(config, mount, around, warn)
  else warnOfRedis(config, state.redis, mount, warn)
}

function warnOfFile(
  { state }: Config,
  mount: string,
  { env, given }: StateCircumstances,
  warn: Report
): void {
  const { KUBERNETES_SERVICE_HOST } = env
  for (const key of ['stale', 'redis']) {
    if (!given(['state', key])) continue
    warn(['state', key], 'has no effect with driver: file; set driver: redis, or remove it', 'key')
  }
  if (SHARED.includes(mount)) {
    warn(
      DIRECTORY,
      `${state.directory} is on ${mount}, which several machines may share; the file driver is for one replica, with a directory of its own`
    )
  } else if (KUBERNETES_SERVICE_HOST !== undefined) {
    warn(
      ['state', 'driver'],
      'this runs in Kubernetes, and the file driver is for one replica: with more, each has weights and rollbacks of its own; set replicas to 1, or driver: redis'
    )
  }
}

function warnOfRedis(
  { state, events, accessLog }: Config,
  redis: RedisSettings,
  mount: string,
  warn: Report
): void {
  if (SHARED.includes(mount)) {
    warn(
      DIRECTORY,
      `${state.directory} is on ${mount}, which several machines may share; each replica needs a directory of its own`
    )
  }
  if (state.firstStart === 'weights') {
    warn(
      ['state', 'firstStart'],
      'after a total loss of the store every route begins with initialWeights, and so a challenger that was rolled back may come back; champion is safer'
    )
  }
  if (events.unitKey === null && (events.driver !== 'none' || accessLog !== null)) {
    warn(
      ['events'],
      'without unitKey each replica has a random key of its own, so a unit has another id in the events and logs of each; set unitKey to the same on all',
      'key'
    )
  }
  const remote = redis.nodes.find(({ host }) => !isLoopback(host))?.host
  if (remote === undefined) return
  if (redis.tls === null) {
    warn(
      ['state', 'redis', 'url'],
      `${remote} is reached without TLS: anybody on the way can read the password and change weights; write rediss://`
    )
  }
  if (redis.password === null && !redis.tls?.cert) {
    warn(
      ['state', 'redis'],
      `there is no password, and ${remote} is another machine: whoever reaches it can change weights; set password`,
      'key'
    )
  }
}
