/** `sluice check`: what it says of a file, alone and online, and its exit code. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startModelServer } from '../helpers/model-server.ts'
import { freePort } from '../helpers/ports.ts'
import { ROOT, runSluice, temporaryDirectory } from '../helpers/sluice.ts'
import { twoVersionConfig } from '../helpers/two-versions.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

const model = await startModelServer(t, { version: '3' })

t.test('check says what is wrong when a file or, online, an upstream is', async t => {
  const directory = temporaryDirectory(t)
  const file = join(directory, 'sluice.yaml')
  const down = `http://127.0.0.1:${await freePort()}`
  writeFileSync(file, JSON.stringify(twoVersionConfig(model.url, down, 5)))
  const good = await runSluice(['check', file])
  t.equal(good.code, 0)
  t.match(good.stdout, 'is valid: 1 route')
  const online = await runSluice(['check', file, '--online'])
  t.equal(online.code, 1)
  t.match(online.stdout, /routes\.fraud\.variants\.v4\.upstreams\[0\]: .*\(ECONNREFUSED\)/)
  t.notMatch(online.stdout, 'variants.v3')

  writeFileSync(
    file,
    JSON.stringify(twoVersionConfig(model.url, down, 5, { champion: 'v33' }), null, 1)
  )
  const bad = await runSluice(['check', 'sluice.yaml'], { cwd: directory })
  t.equal(bad.code, 2)
  t.match(bad.stdout, /^sluice\.yaml:\d+:\d+ routes\.fraud\.champion: .*did you mean "v3"\?$/m)
  const json = await runSluice(['check', file, '--json'])
  t.match(JSON.parse(json.stdout), { ok: false, problems: [{ path: 'routes.fraud.champion' }] })
  t.equal((await runSluice(['check', join(directory, 'none.yaml')])).code, 2)
})

t.test('the examples pass when they are checked', async t => {
  for (const file of ['config/sluice.yaml', 'config/complete.yaml']) {
    const { code, stdout } = await runSluice(['check', join(ROOT, file)])
    t.equal(code, 0, stdout)
  }
})
