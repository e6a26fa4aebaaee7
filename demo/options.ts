/**
 * What the demo was asked for on the command line: one place for options, their defaults and their sentences.
 */
import { parseArgs } from 'node:util'
import { FAULTS, type FaultKind } from './faults.ts'

export type Options = {
  readonly fleet: boolean
  readonly fault: FaultKind
  readonly rps: number
  readonly share: number // percent of the users
  readonly giveUp: number // seconds
  readonly keep: boolean
  readonly json: boolean
}

const HELP = `npm run demo -- [options]

  --fleet        two routers that share a Redis, which is killed on the way and comes back empty
  --fault KIND   how the challenger breaks: ${FAULTS.filter(kind => kind !== 'none').join(', ')} (errors)
  --rps N        requests a second (100)
  --share N      percent of the users for the challenger (5; with --fleet 10; slow: 20, to warm up sooner)
  --give-up N    seconds after the fault without a rollback (60)
  --keep         leave everything running at the end, until Ctrl-C
  --json         one JSON document a line, the last one a summary

Exit code 0 when the router rolled the challenger back, 1 when it did not. With --fleet, 0 means all of this: a
change of weights reached the other router, both rolled back, no request failed while Redis was gone and a raise was
refused, and the rollback was put back into a Redis that had lost it.`

/** What was asked for, or null after saying what is wrong with it. Ends the process after --help. */
export function optionsOf(argv: string[]): Options | null {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        fleet: { type: 'boolean', default: false },
        fault: { type: 'string', default: 'errors' },
        rps: { type: 'string', default: '100' },
        share: { type: 'string' },
        'give-up': { type: 'string', default: '60' },
        keep: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false }
      }
    })
    if (values.help) {
      process.stdout.write(`${HELP}\n`)
      process.exit(0)
    }
    const { fleet, keep, json } = values
    const fault = FAULTS.find(kind => kind === values.fault && kind !== 'none')
    if (fault === undefined) throw new Error(`there is no fault "${values.fault}"`)
    const rps = Number(values.rps)
    const share = Number(values.share ?? shareFor(fault, fleet))
    if (!(rps >= 10 && rps <= 5000)) throw new Error('--rps is a number from 10 to 5000')
    if (!(share >= 1 && share <= 90 && Number.isInteger(share))) {
      throw new Error('--share is a whole percentage from 1 to 90')
    }
    const giveUp = Number(values['give-up'])
    if (!(giveUp > 0 && giveUp <= 3600)) throw new Error('--give-up is a number of seconds')
    return { fleet, fault, rps, share, giveUp, keep, json }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${HELP}\n`)
    return null
  }
}

function shareFor(fault: FaultKind, fleet: boolean): string {
  if (fault === 'slow') return '20'
  return fleet ? '10' : '5'
}
