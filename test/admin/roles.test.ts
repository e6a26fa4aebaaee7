/**
 * Which role may make which call: every call of the API with every role, from the table of the calls themselves
 * against the list of the page.
 */
import t from 'tap'
import { ROLES, type Role } from '../../src/config/config.ts'
import { startAdmin, TOKENS } from '../helpers/admin.ts'

const R = '/admin/v1/routes/demo'
const NEEDS: readonly (readonly [method: string, path: string, role: Role])[] = [
  ['GET', '/admin/v1/routes', 'viewer'],
  ['GET', R, 'viewer'],
  ['PUT', R, 'operator'],
  ['PUT', `${R}?dryRun=true`, 'operator'],
  ['POST', `${R}/rollback`, 'breaker'],
  ['POST', '/admin/v1/rollback', 'breaker'],
  ['POST', `${R}/clear`, 'operator'],
  ['POST', `${R}/pause`, 'operator'],
  ['POST', `${R}/resume`, 'operator'],
  ['POST', `${R}/advance`, 'operator'],
  ['POST', `${R}/promote`, 'operator'],
  ['POST', `${R}/abort`, 'operator'],
  ['POST', `${R}/retry`, 'operator'],
  ['POST', `${R}/rollouts`, 'operator'],
  ['GET', `${R}/decisions`, 'viewer'],
  ['GET', `${R}/explain?unit=u`, 'viewer'],
  ['POST', `${R}/explain`, 'viewer'],
  ['GET', `${R}/shadows`, 'viewer'],
  ['GET', `${R}/shadows/canary-try`, 'viewer'],
  ['PUT', `${R}/shadows/canary-try`, 'operator'],
  ['PUT', `${R}/variants/x`, 'admin'],
  ['DELETE', `${R}/variants/x`, 'admin'],
  ['GET', '/admin/v1/config', 'viewer'],
  ['POST', '/admin/v1/config/reload', 'admin'],
  ['GET', '/admin/v1/openapi.json', 'viewer']
]

const admin = await startAdmin(t)
for (const [method, path, needed] of NEEDS) {
  t.test(`lets ${needed} and above in, and nobody below, when it is ${method} ${path}`, async t => {
    for (const role of ROLES) {
      const may = ROLES.indexOf(role) >= ROLES.indexOf(needed)
      const { status } = await admin.ask(method, path, { token: TOKENS[role] })
      if (may) t.notOk([401, 403, 404, 405].includes(status), `${role}: ${status}`)
      else t.equal(status, 403, role)
    }
  })
}

t.test('has a role for every call when the list is held against the description', async t => {
  const { body } = await admin.ask('GET', '/admin/v1/openapi.json')
  // Made by the server from its own calls; openapi.test.ts checks its form.
  const { paths } = body as { paths: Record<string, Record<string, { tags: string[] }>> }
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, { tags }]) => tags[0] !== 'root')
      .map(([method, { tags }]) => `${method.toUpperCase()} ${path} ${tags[0]}`)
  )
  const listed = NEEDS.filter(([, path]) => !path.includes('dryRun')).map(
    ([method, path, role]) => {
      const pattern = path
        .replace(/\?.*/, '')
        .replace('/demo', '/{route}')
        .replace('/shadows/canary-try', '/shadows/{shadow}')
        .replace('/variants/x', '/variants/{variant}')
      return `${method} ${pattern} ${role}`
    }
  )
  t.same([...listed, 'GET /admin/v1/events viewer'].sort(), described.sort())
})

t.test('needs no token when it is one of the three root paths', async t => {
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    t.equal((await admin.ask('GET', path, { token: null })).status, 200, path)
    t.equal((await admin.ask('HEAD', path, { token: null })).status, 200, `HEAD ${path}`)
    t.equal((await admin.ask('POST', path, { token: null })).status, 405, `POST ${path}`)
  }
})
