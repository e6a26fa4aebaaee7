/** The model servers are the ground that scenarios stand on, so what they say is checked byte by byte. */
import { readdirSync } from 'node:fs'
import t from 'tap'
import { FAULTS, faultOf, faults } from '../../demo/faults.ts'
import { fraudModel } from '../../demo/models.ts'
import { inference, startModelServer } from '../helpers/model-server.ts'
import { temporaryDirectory } from '../helpers/sluice.ts'

t.setTimeout(400_000) // ends a hung run; nothing is measured by it

const post = (url: string, body: string) => fetch(url, { method: 'POST', body })
const SAMPLE = { name: 'features', data: [0, 0, 0] }

t.test('a model file has a few hundred bytes, always the same, when it is generated', async t => {
  const bytes = fraudModel('4', 'healthy')
  t.ok(bytes.length < 300, `${bytes.length} bytes`)
  t.same(bytes, fraudModel('4', 'healthy'))
  t.not(Buffer.compare(bytes, fraudModel('3', 'healthy')), 0, 'versions differ')
})

t.test(
  'a server answers by the Open Inference Protocol and by KServe V1 when it is asked',
  async t => {
    const server = await startModelServer(t, { version: '4' })
    const model = `${server.url}/v2/models/fraud`
    for (const path of ['/v2/health/live', '/v2/health/ready', '/v2/models/fraud/ready']) {
      t.equal((await fetch(server.url + path)).status, 200, path)
    }
    const metadata = await (await fetch(model)).json()
    t.match(metadata, { name: 'fraud', versions: ['4'], inputs: [{ shape: [-1, 4] }] })

    const text = await (await post(`${model}/infer`, inference(2))).text()
    t.match(JSON.parse(text), { model_version: '4', outputs: [{ name: 'probabilities' }] })
    const [fine = 0, fraud = 0] =
      /"shape":\[2,2\],"data":\[(.*)\]/.exec(text)?.[1]?.split(',') ?? []
    t.ok(Math.abs(Number(fine) + Number(fraud) - 1) < 1e-6, 'probabilities of a row sum to 1')

    const v1 = await post(`${server.url}/v1/models/fraud:predict`, '{"instances":[[0,0,0,0]]}')
    t.match(await v1.text(), /^\{"predictions":\[\[0\.\d+,0\.\d+\]\]\}$/)
  }
)

t.test('a server refuses what a real one refuses when a call is wrong', async t => {
  const server = await startModelServer(t)
  const infer = `${server.url}/v2/models/fraud/infer`
  t.equal((await post(infer, '{"inputs":[]}')).status, 400, 'no input')
  t.equal((await post(infer, 'not json')).status, 400, 'no JSON')
  t.equal((await post(infer, inference().replace('[1,4]', '[2,4]'))).status, 400, 'shape')
  t.equal((await post(infer, JSON.stringify({ inputs: [SAMPLE] }))).status, 400, 'three features')
  t.equal((await post(`${server.url}/v2/models/other/infer`, inference())).status, 404)
  t.equal((await fetch(infer)).status, 405)
})

t.test(
  'the NaN of a broken model is computed by the runtime and printed bare when it occurs',
  async t => {
    const server = await startModelServer(t)
    await server.fault('nan')
    const text = await (await post(`${server.url}/v2/models/fraud/infer`, inference())).text()
    t.match(text, /"data":\[(NaN,-?[\d.]+|-?[\d.]+,NaN)\]/)
    t.equal((await fetch(`${server.url}/v2/health/ready`)).status, 200, 'health stays green')
  }
)

t.test('faults come and go when the server is told so', async t => {
  const server = await startModelServer(t)
  const infer = `${server.url}/v2/models/fraud/infer`
  await server.fault('errors')
  t.equal((await post(infer, inference())).status, 500)
  t.equal((await fetch(`${server.url}/v2/health/ready`)).status, 200)
  await server.fault('not-found')
  t.equal((await post(infer, inference())).status, 404)
  await server.fault('hang')
  await t.rejects(
    fetch(infer, { method: 'POST', body: inference(), signal: AbortSignal.timeout(300) }),
    { name: 'TimeoutError' }
  )
  await server.fault('none')
  t.equal((await post(infer, inference())).status, 200)
  await server.fault('dead')
  await t.rejects(post(infer, inference()))
})

t.test('every n-th prediction call and nothing else is hit when a fault has a share', async t => {
  const state = faults()
  state.set(faultOf({ kind: 'errors', share: 0.25 }))
  const hit = Array.from({ length: 12 }, () => state.of(true).kind)
  t.same(
    hit.flatMap((kind, i) => (kind === 'errors' ? [i] : [])),
    [3, 7, 11]
  )
  t.equal(state.of(false).kind, 'none')
})

t.test('a fault is refused when it is none', async t => {
  for (const value of [null, {}, { kind: 'nano' }, { kind: 'slow', delayMs: -1 }]) {
    t.throws(() => faultOf(value))
  }
  t.throws(() => faultOf({ kind: 'errors', share: 0 }))
  for (const kind of FAULTS) t.equal(faultOf({ kind }).kind, kind)
})

t.test('nothing is reported to the maker of the runtime when a model runs', async t => {
  const directory = temporaryDirectory(t)
  const before = process.env['TMPDIR']
  process.env['TMPDIR'] = directory
  t.teardown(() => {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
  })
  const server = await startModelServer(t)
  t.equal((await post(`${server.url}/v2/models/fraud/infer`, inference())).status, 200)
  t.same(readdirSync(directory), [], 'its reporter leaves a session file there')
})
