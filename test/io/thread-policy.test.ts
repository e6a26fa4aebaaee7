import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'tap'
import { mayChoosePolicy, setThreadPolicy } from '../../src/io/thread-policy.ts'
import { startSluice } from '../helpers/sluice.ts'
import { until } from '../helpers/until.ts'

const IDLE = 5 // SCHED_IDLE
const worksHere = mayChoosePolicy() && spawnSync('chrt', ['--idle', '0', 'true']).status === 0

/** Field 41 of proc(5), behind the name in parentheses. */
function policyOf(pid: number, thread: string): number {
  const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[38])
}

test('says that it was not done when there is no such thread', async t => {
  t.equal(await setThreadPolicy(2 ** 30, 'idle'), false)
})

test('runs the shadow thread in the background, and no other, where there is a way back', async t => {
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
  const idle = () =>
    readdirSync(`/proc/${router.pid}/task`)
      .filter(thread => policyOf(router.pid, thread) === IDLE)
      .map(thread => readFileSync(`/proc/${router.pid}/task/${thread}/comm`, 'utf8').trim())
  if (worksHere) await until('the policy', () => idle().length > 0)
  t.same(idle(), worksHere ? ['shadow'] : [])
})
