import { createFileState } from '../../src/io/file-state.ts'
import { stateConformance } from '../helpers/state-conformance.ts'
import { first } from '../helpers/state-documents.ts'
import { silentLog, systemClock } from '../helpers/state-process.ts'

stateConformance('file driver', { first: 'config', again: 'disk' }, async t => {
  const directory = t.testdir()
  return {
    async open(routes) {
      const store = createFileState({ directory, clock: systemClock, log: silentLog })
      await store.open(routes, route => first(route))
      return store
    }
  }
})
