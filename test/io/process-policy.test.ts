import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'tap'
import { mayChoosePolicy, setProcessPolicy } from '../../src/io/process-policy.ts'
import { childrenOf } from '../helpers/process-tree.ts'
import { startSluice } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'

const IDLE = 5 // SCHED_IDLE
const worksHere = mayChoosePolicy() && spawnSync('chrt', ['--idle', '0', 'true']).status === 0

/** Of each thread: field 41 of proc(5), behind the name in parentheses. */
function policiesOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).map(thread => {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[38])
  })
}

test('says that it was not done when there is no such process', async t => {
  t.equal(await setProcessPolicy(2 ** 30, 'idle'), false)
})

test('runs the shadow process in the background, and the router not, where there is a way back', async t => {
  const router = await startSluice(
    {
      events: { driver: 'file', directory: 'events' },
      routes: {
        fraud: {
          hashOn: [{ header: 'x-user-id' }],
          variants: { v3: { upstreams: ['http://127.0.0.1:1'] } },
          champion: 'v3'
        }
      }
    },
    { t }
  )
  const [shadow = 0] = childrenOf(router.pid)
  const isIdle = (pid: number) => policiesOf(pid).every(policy => policy === IDLE)
  if (worksHere) await until('the policy', () => isIdle(shadow))
  t.equal(isIdle(shadow), worksHere)
  t.notOk(policiesOf(router.pid).includes(IDLE))
})
