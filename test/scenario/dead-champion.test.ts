/**
 * Failures as an operator meets them: a champion that is not there, and a challenger that answers 500, each told by
 * /readyz, the API and `sluice status` with what failed. No health check is configured.
 */
import t from 'tap'
import { startAnswering } from '../helpers/answering.ts'
import { freePort } from '../helpers/ports.ts'
import { runSluice, startSluice } from '../helpers/sluice.ts'
import { rolledBack, routeOf, versionedRoute } from '../helpers/two-versions.ts'
import { until } from '../helpers/until.ts'

const well = await startAnswering(t, () => ({}))
const broken = await startAnswering(t, () => ({ status: 500 }))
const nowhere = `http://127.0.0.1:${await freePort()}`
const router = await startSluice(
  {
    routes: {
      dead: { ...versionedRoute('dead', nowhere, well.url, { weight: 0 }), protocol: 'opaque' },
      bad: { ...versionedRoute('bad', well.url, broken.url), protocol: 'opaque' }
    }
  },
  { t }
)

/** Users one after the other; gives the statuses. */
async function ask(route: string, users: number): Promise<readonly number[]> {
  const statuses: number[] = []
  for (let i = 0; i < users; i++) {
    const headers = { 'x-user-id': `user-${i}` }
    const response = await fetch(`${router.dataUrl}/${route}/x`, {
      method: 'POST',
      headers,
      body: '{}'
    })
    await response.arrayBuffer()
    statuses.push(response.status)
  }
  return statuses
}

async function ready(): Promise<{ readonly status: number; readonly degraded: readonly string[] }> {
  const response = await router.admin('/readyz')
  const body: unknown = await response.json()
  const { degraded } = body as { degraded: readonly string[] } // admin-api.md
  return { status: response.status, degraded }
}

const status = (route: string) =>
  runSluice(['status', route], { cwd: router.directory, env: { SLUICE_ADMIN: router.adminUrl } })

t.test(
  'names a champion that refuses connections, and stays ready, when its requests fail',
  async t => {
    t.same(await ready(), { status: 200, degraded: [] })
    t.strictSame(new Set(await ask('dead', 12)), new Set([502]))
    const { status: code, degraded } = await until('the champion to be named', async () => {
      const now = await ready()
      return now.degraded.length > 0 && now
    })
    t.equal(code, 200, 'traffic is not cut by it')
    t.equal(degraded.length, 1)
    t.match(
      degraded[0],
      /^route dead: champion v3 answers nobody: each of its last \d+ requests failed/
    )
    t.ok(
      degraded[0]?.endsWith(
        `(no connection); check that ${nowhere} runs and can be reached from here`
      )
    )
    const { stdout } = await status('dead')
    t.match(
      stdout,
      /^ {2}v3 ANSWERS NOBODY: each of its last \d+ requests failed \(no connection\)/m
    )
  }
)

t.test(
  'says what failed, and shows the figures that decided, when a challenger was rolled back',
  async t => {
    const found = rolledBack({ route: () => routeOf(router, 'bad') })
    let rolled = false
    void found.finally(() => {
      rolled = true
    })
    while (!rolled) await ask('bad', 40)
    const { id, trigger, reason } = await found
    t.match(reason, /What failed: status 5xx\.$/)
    const { stdout, code } = await status('bad')
    t.equal(code, 1)
    t.match(
      stdout,
      new RegExp(
        `^ {2}v4 +${trigger} +rolled back +\\d+\\.\\d\\d +\\d+\\.\\d\\d +\\d+ of \\d+`,
        'm'
      )
    )
    t.match(stdout, /What failed: status 5xx\.$/m)
    t.match(stdout, `sluice clear bad ${id}`)
    const decisions = await router.admin('/admin/v1/routes/bad/decisions?limit=1')
    t.match(await decisions.json(), [
      { type: 'rollback', reason, evidence: { causes: { status_5xx: Number } } }
    ])
    await until('the rollback in the log', () => router.logs().some(({ msg }) => msg === reason))
  }
)
