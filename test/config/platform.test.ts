import { availableParallelism } from 'node:os'
import { test } from 'tap'
import { autoThreads, cpuQuota, mountOf } from '../../src/config/platform.ts'

test('takes the tightest quota of all levels when control groups are of version 2', t => {
  const root = t.testdir({
    proc: { self: { cgroup: '0::/kubepods/pod/box\n' } },
    sys: {
      fs: {
        cgroup: {
          'cpu.max': 'max 100000\n',
          kubepods: {
            'cpu.max': '400000 100000\n',
            pod: { 'cpu.max': '150000 100000\n', box: { 'cpu.max': 'max 100000\n' } }
          }
        }
      }
    }
  })
  t.equal(cpuQuota(root), 1.5)
  t.equal(autoThreads(root), 1)
  t.end()
})

test('finds the quota at the top when a container sees its own group as the root', t => {
  const root = t.testdir({
    proc: { self: { cgroup: '0::/\n' } },
    sys: { fs: { cgroup: { 'cpu.max': '50000 100000\n' } } }
  })
  t.equal(cpuQuota(root), 0.5)
  t.equal(autoThreads(root), 1, 'never less than one')
  t.end()
})

test('reads the quota of version 1 when control groups are of that version', t => {
  const quota = (us: string) =>
    t.testdir({
      proc: { self: { cgroup: '5:cpuacct,cpu:/box\n1:name=systemd:/x\n' } },
      sys: {
        fs: {
          cgroup: { cpu: { box: { 'cpu.cfs_quota_us': us, 'cpu.cfs_period_us': '100000\n' } } }
        }
      }
    })
  t.equal(cpuQuota(quota('200000\n')), 2)
  t.equal(cpuQuota(quota('-1\n')), null)
  t.end()
})

test('falls back to what the machine has when there is no quota', t => {
  t.equal(cpuQuota('/nowhere'), null)
  t.equal(autoThreads('/nowhere'), Math.min(4, availableParallelism()))
  t.end()
})

test('finds the innermost mount when mounts are nested and their names escaped', t => {
  const root = t.testdir({
    proc: {
      self: {
        mountinfo: [
          '1 0 8:1 / / rw - ext4 /dev/a rw',
          '2 1 0:1 / /srv\\040x rw shared:7 master:1 - overlay o rw',
          '3 2 0:2 / /srv\\040x/state rw - xfs /dev/b rw'
        ].join('\n')
      }
    }
  })
  t.same(
    mountOf('/srv x/state/deep', root),
    { point: '/', type: 'ext4' },
    'the path does not exist here'
  )
  t.same(mountOf('/', root), { point: '/', type: 'ext4' })
  t.equal(mountOf('/', '/nowhere'), null)
  t.end()
})
