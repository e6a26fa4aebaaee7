/**
 * The description of the API, from the schemas that it is checked with.
 */
import { type Call, call } from '../call.ts'
import { AnyDocument } from '../schemas.ts'

/** `document` gives the OpenAPI document as JSON text. */
export function openApiCalls(document: () => Promise<string>): readonly Call[] {
  return [
    call({
      method: 'GET',
      url: '/admin/v1/openapi.json',
      role: 'viewer',
      summary: 'This API as OpenAPI 3.1',
      answers: { 200: { what: 'The OpenAPI document', schema: AnyDocument } },
      answer: async () => ({ status: 200, body: await document(), type: 'application/json' })
    })
  ]
}
