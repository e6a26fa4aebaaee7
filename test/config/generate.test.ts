import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { Value } from 'typebox/value'
import { parse } from 'yaml'
import { generated } from '../../config/generate.ts'
import { jsonSchema } from '../../config/json-schema.ts'
import { configNode, type Node } from '../../src/config/node.ts'
import { errorTable } from '../../src/errors.ts'
import { CONFIG_FIXTURES } from '../helpers/config-file.ts'

const ROOT = new URL('../../', import.meta.url)

for (const { path, render } of generated) {
  test(`${path} is what npm run gen would write when nothing was edited by hand`, async t => {
    t.equal(readFileSync(new URL(path, ROOT), 'utf8'), await render())
  })
}

test('gives every key a description, and every key of a map its row, when the reference is made', async t => {
  const page = await generated.find(({ path }) => path === 'docs/configuration.md')?.render()
  const missing: string[] = []
  function visit(node: Node, path: string): void {
    if (!node.description && node.$ref === undefined) missing.push(`${path}: no description`)
    for (const [key, child] of Object.entries(node.properties ?? {})) {
      if (!child.description) missing.push(`${path}.${key}: no description`)
      if (!page?.includes(`| \`${key}\` |`) && !child['x-later'])
        missing.push(`${path}.${key}: no row`)
      if (!child['x-later']) visit(child, `${path}.${key}`)
    }
    for (const child of Object.values(node.patternProperties ?? {})) visit(child, `${path}.*`)
    for (const child of node.anyOf ?? []) if (child.type === 'object') visit(child, path)
    if (node.items) visit(node.items, `${path}[]`)
  }
  visit(configNode, '')
  t.same(missing, [])
})

test('names every error with its status when the page of errors is made', async t => {
  const page = (await generated.find(({ path }) => path === 'docs/errors.md')?.render()) ?? ''
  for (const [code, status] of errorTable())
    t.ok(page.includes(`| \`${code}\` | ${status} |`), code)
})

test('accepts the examples and refuses what is wrong when an editor uses the schema', t => {
  const schema = inlined(jsonSchema(configNode))
  const read = (path: string) => parse(readFileSync(new URL(path, ROOT), 'utf8'))
  for (const path of ['config/sluice.yaml', 'config/complete.yaml']) {
    t.same(Value.Errors(schema, read(path)), [], path)
  }
  const wrong = parse(readFileSync(new URL('everything-wrong.yaml', CONFIG_FIXTURES), 'utf8'))
  t.notOk(Value.Check(schema, wrong))
  const sound = read('config/sluice.yaml')
  for (const fault of [
    { lisen: 'a:1' },
    { plans: { a: {} } },
    { threads: 0 },
    { state: { driver: 'postgres' } },
    { state: { driver: 'redis', redis: { username: 'sluice' } } },
    { events: { driver: 'kafka', kafka: { brokers: [] } } },
    { events: { kafka: { sasl: { mechanism: 'plain', username: 'a' } } } },
    { routes: {} }
  ]) {
    t.notOk(Value.Check(schema, { ...sound, ...fault }), JSON.stringify(fault))
  }
  t.end()
})

/** The validator knows definitions by $id only; editors know them by their place. */
function inlined(schema: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const text = JSON.stringify(schema).replaceAll('"#/definitions/Condition"', '"Condition"')
  const parsed: Record<string, unknown> = JSON.parse(text)
  const { definitions, ...rest } = parsed
  const { Condition } = definitions as Record<string, object> // made by jsonSchema
  return { ...rest, $defs: { Condition: { ...Condition, $id: 'Condition' } } }
}
