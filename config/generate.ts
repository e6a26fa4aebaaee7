/**
 * Writes the files that are made from the program itself: `npm run gen`.
 *
 * A generated file is committed and never edited; test/config/generate.test.ts fails when one differs from what
 * would be written. Another part adds its document to `generated`, and nothing else here.
 */
import { writeFileSync } from 'node:fs'
import { renderOpenApi } from '../src/admin/openapi.ts'
import { configNode } from '../src/config/node.ts'
import { errorTable } from '../src/errors.ts'
import { eventSchemas } from '../src/io/event-schema.ts'
import { metricRows } from '../src/telemetry/metrics.ts'
import { apiPage } from './api-page.ts'
import { errorsPage } from './errors-page.ts'
import { jsonSchema } from './json-schema.ts'
import { metricsPage } from './metrics-page.ts'
import { referencePage } from './reference-page.ts'

export type Generated = {
  readonly path: string // from the root of the repository
  readonly render: () => string | Promise<string>
}

export const generated: readonly Generated[] = [
  {
    path: 'config/schema.json',
    render: () => `${JSON.stringify(jsonSchema(configNode), null, 2)}\n`
  },
  { path: 'docs/configuration.md', render: () => referencePage(configNode) },
  { path: 'docs/errors.md', render: () => errorsPage(errorTable()) },
  { path: 'config/openapi.json', render: renderOpenApi },
  { path: 'docs/admin-api.md', render: async () => apiPage(await renderOpenApi()) },
  { path: 'docs/metrics.md', render: () => metricsPage(metricRows()) },
  ...Object.entries(eventSchemas).map(([type, schema]) => ({
    path: `config/events/${type}.schema.json`,
    render: () => `${JSON.stringify(schema, null, 2)}\n`
  }))
]

if (import.meta.main) {
  for (const { path, render } of generated) {
    writeFileSync(new URL(`../${path}`, import.meta.url), await render())
    process.stdout.write(`${path}\n`)
  }
}
