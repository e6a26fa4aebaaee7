/** `sluice explain`: which variant a unit gets and why, from the bucket to the revision. */
import type { Explanation } from '../../ports.ts'
import { EXPLANATION } from '../answers.ts'
import { type Arguments, usage } from '../args.ts'
import type { Command } from '../command.ts'
import { callRoute } from '../documents.ts'
import { EXIT } from '../exit.ts'
import { clean } from '../screen.ts'

export const explain: Command = {
  name: 'explain',
  summary: 'which variant a user gets, and why',
  usage: 'explain ROUTE [UNIT] [--header NAME=VALUE …] [--query NAME=VALUE …] [--trusted]',
  examples: [
    'sluice explain fraud user-42',
    'sluice explain fraud user-42 --header x-staff=1 --trusted',
    'sluice explain fraud --header x-user-id=user-42'
  ],
  help: `Works out the assignment as a data thread would, and sends nothing to a model.
Headers and query decide overrides, and give the unit where UNIT is left out.
Without a unit the champion answers, and no comparison counts the request.`,
  options: {
    header: { value: 'NAME=VALUE', many: true, text: 'a header of the request; may be repeated' },
    query: { value: 'NAME=VALUE', many: true, text: 'a query parameter; may be repeated' },
    trusted: { text: 'as if the request came from trustedProxies' }
  },
  words: [1, 2],
  async run({ args, api, json, screen }) {
    const [route = '', unit] = args.words
    const headers = pairs(args, 'header', name => name.toLowerCase())
    const query = pairs(args, 'query', name => name)
    const alone = headers === null && query === null && !args.flag('trusted')
    const { body } =
      alone && unit !== undefined
        ? await callRoute(
            api,
            route,
            `/explain?unit=${encodeURIComponent(unit)}`,
            EXPLANATION,
            'explain'
          )
        : await callRoute(api, route, '/explain', EXPLANATION, 'explain', {
            method: 'POST',
            body: {
              ...(unit === undefined ? {} : { unit }),
              ...(headers === null ? {} : { headers }),
              ...(query === null ? {} : { query }),
              ...(args.flag('trusted') ? { trusted: true } : {})
            }
          })
    if (json) screen.json(body)
    else for (const line of lines(body)) screen.line(line)
    return EXIT.ok
  }
}

function lines(e: Explanation): string[] {
  const hashed =
    e.bucket === null
      ? 'no unit was hashed'
      : `murmur3(${e.salt}:${e.unit ?? ''}) = ${e.hash} -> bucket ${e.bucket} of 0-9999`
  return [`${e.variant}  (${e.reason}, cohort ${e.cohort}, revision ${e.revision})`, hashed].map(
    clean
  )
}

function pairs(
  args: Arguments,
  option: string,
  fold: (name: string) => string
): Readonly<Record<string, string>> | null {
  const given = args.values(option)
  if (given.length === 0) return null
  return Object.fromEntries(
    given.map(text => {
      const at = text.indexOf('=')
      if (at < 1) throw usage(`--${option} needs NAME=VALUE, not "${text}"`, 'explain')
      return [fold(text.slice(0, at)), text.slice(at + 1)]
    })
  )
}
