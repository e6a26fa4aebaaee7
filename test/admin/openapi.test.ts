/**
 * The OpenAPI document: of form 3.1, complete, the same that is served and committed.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { renderOpenApi } from '../../src/admin/openapi.ts'
import { errorTable } from '../../src/errors.ts'
import { startAdmin, TOKENS } from '../helpers/admin.ts'

type Document = {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> }
}
type Operation = {
  readonly operationId: string
  readonly security: readonly object[]
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> }
  readonly responses: Readonly<Record<string, { readonly description: string }>>
}

const text = await renderOpenApi()
const document: Document = JSON.parse(text)
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation }))
)

t.test('is OpenAPI 3.1 with every reference in it when it is rendered', t => {
  t.equal(document.openapi, '3.1.0')
  for (const [, name = ''] of text.matchAll(/"\$ref": "#\/components\/schemas\/(\w+)"/g)) {
    t.ok(name in document.components.schemas, name)
  }
  t.notMatch(text, /"\$ref": "(?!#\/components\/schemas\/)/, 'no other references')
  t.notMatch(text, /\/:[a-z]/, "no parameter in Fastify's form")
  t.end()
})

t.test('names every operation, parameter and error when it is read', t => {
  const codes = new Set(errorTable().map(([code]) => String(code)))
  const ids = operations.map(({ operation }) => operation.operationId)
  t.equal(new Set(ids).size, ids.length, 'ids are different')
  for (const { path, method, operation } of operations) {
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
    const inPath = (operation.parameters ?? []).filter(parameter => parameter.in === 'path')
    t.same(
      inPath.map(({ name }) => name),
      names,
      `${method} ${path}`
    )
    for (const { description } of Object.values(operation.responses)) {
      for (const [code] of description.matchAll(/SLC_\w+/g)) t.ok(codes.has(code), code)
    }
    const open = ['/healthz', '/readyz', '/metrics'].includes(path)
    t.same(operation.security, open ? [] : [{ token: [] }])
  }
  t.end()
})

t.test('closes every body that a call takes when it is described', t => {
  for (const { path, method, operation } of operations) {
    const schema = operation.requestBody?.content['application/json']?.schema
    if (schema === undefined || path.endsWith('/rollouts')) continue
    t.match(schema, { type: 'object', additionalProperties: false }, `${method} ${path}`)
  }
  t.end()
})

t.test('is what the listener serves and what is committed', async t => {
  const admin = await startAdmin(t)
  const reply = await admin.ask('GET', '/admin/v1/openapi.json', { token: TOKENS.viewer })
  t.equal(reply.text, text)
  t.equal(readFileSync(join(import.meta.dirname, '../../config/openapi.json'), 'utf8'), text)
})
