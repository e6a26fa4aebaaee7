/**
 * Users split over Triton and KServe, each in both roles: who answers is decided by the user, wherever it stands in
 * the request and however the request is written.
 */
import t from 'tap'
import { type Call, expectedFor, infer, predictionIn } from '../calls.ts'
import {
  otherThan,
  routeTo,
  SERVERS,
  startRouter,
  startServers,
  variantOf
} from '../pair-of-servers.ts'

const WAYS: readonly Omit<Call, 'user'>[] = [
  { form: 'json', unitIn: 'header' },
  { form: 'json', unitIn: 'tensor' },
  { form: 'binary', unitIn: 'header' },
  { form: 'binary', unitIn: 'tensor' },
  { form: 'json', headers: { 'accept-encoding': 'gzip' } },
  { form: 'json', headers: { 'accept-encoding': 'deflate' } }
]

const servers = await startServers(t)
const router = await startRouter(
  t,
  Object.fromEntries(SERVERS.map(champion => [champion, routeTo(servers, champion, champion, 30)]))
)

for (const champion of SERVERS) {
  const challenger = otherThan(champion)
  const ask = (call: Call) => infer(router.dataUrl, `/${champion}/infer`, call)

  t.test(`a user stays with one server when ${champion} is the champion`, async t => {
    const users = new Map<string, string>()
    for (let i = 0; i < 60; i++) {
      const user = `user-${i}`
      const [fraud] = expectedFor(user).slice(1)
      for (const way of WAYS) {
        const answer = await ask({ ...way, user })
        t.equal(answer.status, 200, `${user} ${JSON.stringify(way)}`)
        const variant = variantOf(answer)
        t.equal(users.get(user) ?? variant, variant, `${user} ${JSON.stringify(way)}`)
        users.set(user, variant)
        const prediction = await predictionIn(answer)
        t.ok(Math.abs(prediction[1] - Number(fraud)) < 1e-5, `${prediction[1]} for ${fraud}`)
      }
    }
    const challenged = [...users.values()].filter(variant => variant === challenger).length
    t.ok(challenged > 6 && challenged < 36, `${challenged} of 60 users at 30 percent`)
  })

  t.test(`only users who had ${challenger} leave it when its weight shrinks`, async t => {
    const serversOf = async () => {
      const all = new Map<string, string>()
      for (let i = 0; i < 60; i++) {
        const answer = await ask({ user: `user-${i}` })
        await answer.arrayBuffer()
        all.set(`user-${i}`, variantOf(answer))
      }
      return all
    }
    const before = await serversOf()
    const url = `/admin/v1/routes/${champion}`
    const etag = (await router.admin(url)).headers.get('etag') ?? ''
    const changed = await router.admin(url, {
      method: 'PUT',
      headers: { 'if-match': etag },
      body: JSON.stringify({ weights: { [champion]: 90, [challenger]: 10 } })
    })
    t.equal(changed.status, 200, await changed.text())
    const after = await serversOf()
    const moved = [...before].filter(([user, server]) => after.get(user) !== server)
    t.ok(moved.length > 0, `${moved.length} users moved`)
    t.ok(
      moved.every(([, server]) => server === challenger),
      'nobody goes to the challenger who was not there'
    )
  })

  t.test(`what is no prediction is asked of ${champion} when it is the champion`, async t => {
    for (let i = 0; i < 20; i++) {
      const answer = await fetch(`${router.dataUrl}/${champion}/ready`, {
        headers: { 'x-user-id': `user-${i}` }
      })
      await answer.arrayBuffer()
      t.equal(variantOf(answer), champion)
      t.equal(answer.status, 200)
    }
  })
}
