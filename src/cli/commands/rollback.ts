/**
 * `sluice rollback`: the one command of an incident. One call, no reading before it, no reason needed.
 *
 * It says when a challenger was last sent a request and how many replicas have it, because that is what the
 * person who typed it has to know next.
 */
import type { RollbackAnswer } from '../../ports.ts'
import { ROLLBACK, ROLLBACKS } from '../answers.ts'
import { usage } from '../args.ts'
import type { Command, Context } from '../command.ts'
import { API, callRoute, readConfigured } from '../documents.ts'
import { EXIT, type Exit } from '../exit.ts'
import { ago, clean } from '../screen.ts'

export const rollback: Command = {
  name: 'rollback',
  summary: 'take challengers out of traffic now',
  usage: 'rollback ROUTE [VARIANT] [--reason TEXT]  |  rollback --model-version VERSION',
  examples: [
    'sluice rollback fraud',
    'sluice rollback fraud v4 --reason "scores look wrong"',
    'sluice rollback --model-version 4',
    'bin/rollback.sh 4    # the same with curl alone'
  ],
  help: `Every challenger of ROUTE with weight or an override goes to 0 at once, or VARIANT alone.
With --model-version: on every route where that model version has traffic.
It latches: no trigger, plan or person raises the challenger again until sluice clear names the rollback.
Requests under way finish. Repeating it is safe and says the same again.
Exit code 1 when nothing has that model version, so that a wrong version is not taken for a success.`,
  options: {
    'model-version': { value: 'VERSION', text: 'wherever this model version has traffic' },
    reason: { value: 'TEXT', text: 'why, for the audit log' }
  },
  words: [0, 2],
  async run(context) {
    const { args, api, json, screen } = context
    const [route, variant] = args.words
    const modelVersion = args.value('model-version')
    if ((route === undefined) === (modelVersion === undefined)) {
      throw usage('name either a route or a --model-version', 'rollback')
    }
    const reason = args.value('reason')
    const why = reason === undefined ? {} : { reason }
    const ofRoute = async (name: string) => {
      const body = { ...(variant === undefined ? {} : { variant }), ...why }
      return [
        (await callRoute(api, name, '/rollback', ROLLBACK, 'rollback', { method: 'POST', body }))
          .body
      ]
    }
    const ofModel = async () => {
      const body = { modelVersion, ...why }
      return (await api.call(`${API}/rollback`, ROLLBACKS, { method: 'POST', body })).body
    }
    const answers = route === undefined ? await ofModel() : await ofRoute(route)
    if (json) screen.json(route === undefined ? answers : answers[0])
    else for (const answer of answers) told(context, answer)
    return answers.length > 0 ? EXIT.ok : nothing(context, modelVersion ?? '')
  }
}

function told({ screen }: Context, answer: RollbackAnswer): void {
  const { route, rollbacks, lastChallengerRequest, replicas, scope } = answer
  const inForce = rollbacks.length > 0 ? rollbacks : inForceOf(answer)
  const now = rollbacks.length > 0 ? 'is' : 'was already'
  if (inForce.length === 0) screen.line(clean(`${route}: no challenger has traffic`))
  for (const { variant, id } of inForce) {
    screen.line(clean(`${route}: ${variant} ${now} at 0 % (rollback ${id})`))
  }
  if (lastChallengerRequest !== null) {
    const when = `${lastChallengerRequest} (${ago(lastChallengerRequest)})`
    screen.line(clean(`last challenger request: ${when}`))
  } else if (rollbacks.length > 0) {
    screen.line('last challenger request: none was seen')
  }
  screen.line(`applied on ${replicas.applied} of ${replicas.of} replicas`)
  if (replicas.applied < replicas.of) {
    const others = 'the others have it as soon as they reach the store'
    screen.line(screen.paint('yellow', clean(`${others}; to look again: sluice status ${route}`)))
  }
  if (scope === 'local') {
    const alone = 'in force here and not stored yet; storing it is tried until it succeeds'
    screen.line(screen.paint('red', alone))
  }
  for (const { id } of inForce) {
    screen.line(clean(`to allow it again, once it is understood: sluice clear ${route} ${id}`))
  }
}

/** What a repeat finds: the rollbacks that hold already. */
function inForceOf({ document }: RollbackAnswer): RollbackAnswer['rollbacks'] {
  return Object.entries(document.challengers).flatMap(([variant, { rollback }]) =>
    rollback === null ? [] : [{ variant, id: rollback.id }]
  )
}

/** Why a model version could not be taken out: nobody has it, or only champions, which nothing stands behind. */
async function nothing({ api, screen }: Context, modelVersion: string): Promise<Exit> {
  const champions = [...(await readConfigured(api))]
    .filter(([, { championVersion }]) => championVersion === modelVersion)
    .map(([name]) => name)
  const text =
    champions.length === 0
      ? `no route gives traffic to model version ${modelVersion}. See sluice routes.`
      : `model version ${modelVersion} is the champion of ${champions.join(', ')}, and there is nothing to fall ` +
        'back to. Raise a challenger that is known to be good: sluice weights.'
  screen.note(`sluice: ${text}`)
  return EXIT.negative
}
