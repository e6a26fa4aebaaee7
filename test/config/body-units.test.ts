import { test } from 'tap'
import { configOf, configWarningsOf, problemsOf, smallConfig } from '../helpers/config-file.ts'

const told = (problems: readonly string[]) => problems.map(line => line.replace(/^\S+ /, ''))

test('takes a unit out of the body when the protocol of the route has such a body', async t => {
  const accepted: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
    ['open-inference', 'tensor: user_id', { tensor: 'user_id' }],
    ['open-inference', 'tensor: parameters.user', { tensor: 'parameters.user' }],
    ['mlflow', 'dataframe: user', { dataframe: 'user' }],
    ['openai', 'field: user', { field: 'user' }],
    ['openai', 'field: safety_identifier', { field: 'safety_identifier' }],
    ['openai', 'field: metadata.user_id', { field: 'metadata.user_id' }],
    ['anthropic', 'field: metadata.user_id', { field: 'metadata.user_id' }]
  ]
  for (const [protocol, source, expected] of accepted) {
    const config = await configOf(t, smallConfig(`protocol: ${protocol}\nhashOn: [{ ${source} }]`))
    t.same(config.routes[0]?.hashOn, [expected], `${protocol} ${source}`)
  }
})

test('takes a JSON Pointer under every protocol, since who writes it says what bodies are', async t => {
  for (const protocol of [
    'open-inference',
    'kserve-v1',
    'openai',
    'anthropic',
    'mlflow',
    'json',
    'opaque'
  ]) {
    const config = await configOf(
      t,
      smallConfig(`protocol: ${protocol}\nhashOn: [{ json: /instances/0/a~1b }, { header: X-A }]`)
    )
    t.same(config.routes[0]?.hashOn, [{ json: '/instances/0/a~1b' }, { header: 'x-a' }])
  }
})

test('refuses a unit that no body has when the protocol is another', async t => {
  const of = async (protocol: string, source: string) =>
    told(await problemsOf(t, smallConfig(`protocol: ${protocol}\nhashOn: [{ ${source} }]`)))
  for (const protocol of ['kserve-v1', 'openai', 'mlflow', 'json', 'opaque']) {
    t.match(await of(protocol, 'tensor: x'), [/hashOn\[0\]\.tensor: .* that is for open-inference/])
  }
  t.match(await of('open-inference', 'dataframe: x'), [/hashOn\[0\]\.dataframe: .*for mlflow/])
  t.match(await of('json', 'field: user'), [/hashOn\[0\]\.field: .*for openai and anthropic/])
  t.match(await of('anthropic', 'field: user'), [/field: .*no field user; take metadata\.user_id/])
  t.match(await of('openai', 'field: usr'), [/field: must be one of .*did you mean "user"/])
  t.match(await of('openai', 'field: user, header: a'), [/exactly one of .*header and field are/])
})

test('says what to write instead when a pointer is none', async t => {
  const of = async (text: string) =>
    told(await problemsOf(t, smallConfig(`protocol: json\nhashOn: [{ json: ${text} }]`)))
  t.match(await of('user_id'), [/hashOn\[0\]\.json: "user_id" is no JSON Pointer.*"\/user_id"/])
  t.match(await of('"$.user.id"'), [/as in "\/user\/id"/])
  t.match(await of('"instances[0].user"'), [/as in "\/instances\/0\/user"/])
  t.match(await of('"#/user"'), [/is a URI fragment; write the pointer alone, "\/user"/])
  t.match(await of('/a~b'), [/holds a ~ that is not ~0/])
  t.match(await of(`/${'a'.repeat(1024)}`), [/must be a JSON Pointer such as/])
})

test('reads where predictions are when the protocol is json, and warns that it says so itself when not', async t => {
  const config = await configOf(t, smallConfig('protocol: json\npredictions: [/a/0, "", /a/0]'))
  t.same(config.routes[0]?.predictions, ['/a/0', ''])
  t.match(told(await problemsOf(t, smallConfig('predictions: [/a, b]'))), [
    /predictions\[1\]: "b" is no JSON Pointer/
  ])
  const warnings = async (protocol: string) =>
    (await configWarningsOf(t, smallConfig(`protocol: ${protocol}\npredictions: [/a]`))).filter(
      line => line.includes('predictions: ')
    )
  t.same(await warnings('json'), [])
  t.match(await warnings('openai'), [/predictions: has no effect under protocol openai/])
})
