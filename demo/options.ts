/**
 * What the demo was asked for on the command line: one place for options, their defaults and their sentences.
 */
import { parseArgs } from 'node:util'
import { FAULTS, type FaultKind } from './faults.ts'

export type Options = {
  readonly fleet: boolean
  readonly shadow: boolean
  readonly fault: FaultKind
  readonly rps: number
  readonly share: number // percent of the users
  readonly giveUp: number // seconds
  readonly seconds: number // of the windows of --shadow
  readonly events: 'kafka' | 'file' | null // null: what can be had
  readonly keep: boolean
  readonly json: boolean
}

const HELP = `npm run demo -- [options]

  --fleet        two routers that share a Redis, which is killed on the way and comes back empty
  --shadow       v4 gets copies of what v3 answers, and no user; what is found, and what it costs the users
  --fault KIND   how the challenger breaks: ${FAULTS.filter(kind => kind !== 'none').join(', ')} (errors)
  --rps N        requests a second (100)
  --share N      percent of the users for the challenger (5; with --fleet 10; slow: 20, to warm up sooner)
  --give-up N    seconds after the fault without a rollback (60)
  --seconds N    with --shadow: how long users are measured without and with the shadow (28)
  --events WHERE with --shadow: kafka (KAFKA_BROKERS, or a broker that the tests have brought here) or file; left
                 out, kafka where there is one
  --keep         leave everything running at the end, until Ctrl-C
  --json         one JSON document a line, the last one a summary

Exit code 0 when the router rolled the challenger back, 1 when it did not. With --fleet, 0 means all of this: a
change of weights reached the other router, both rolled back, no request failed while Redis was gone and a raise was
refused, and the rollback was put back into a Redis that had lost it. With --shadow: every pair was recorded once, the
models agree on some answers and not on all, what differs has a name, and no request of a user failed.`

/** What was asked for, or null after saying what is wrong with it. Ends the process after --help. */
export function optionsOf(argv: string[]): Options | null {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        fleet: { type: 'boolean', default: false },
        shadow: { type: 'boolean', default: false },
        fault: { type: 'string', default: 'errors' },
        rps: { type: 'string', default: '100' },
        share: { type: 'string' },
        'give-up': { type: 'string', default: '60' },
        seconds: { type: 'string', default: '28' },
        events: { type: 'string' },
        keep: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false }
      }
    })
    if (values.help) {
      process.stdout.write(`${HELP}\n`)
      process.exit(0)
    }
    const { fleet, shadow, keep, json } = values
    if (fleet && shadow) throw new Error('--fleet and --shadow are two demos')
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
    const seconds = Number(values.seconds)
    if (!(seconds >= 8 && seconds <= 3600)) throw new Error('--seconds is a number from 8 to 3600')
    const events = eventsIn(values.events)
    return { fleet, shadow, fault, rps, share, giveUp, seconds, events, keep, json }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${HELP}\n`)
    return null
  }
}

function shareFor(fault: FaultKind, fleet: boolean): string {
  if (fault === 'slow') return '20'
  return fleet ? '10' : '5'
}

function eventsIn(word: string | undefined): Options['events'] {
  if (word === undefined) return null
  if (word === 'kafka' || word === 'file') return word
  throw new Error('--events is kafka or file')
}
