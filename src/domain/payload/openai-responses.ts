/**
 * Answers of the Responses API of OpenAI, whole and as a stream of events that ends with the whole response.
 *
 * Its many nulls (`error`, `incomplete_details`, …) are normal. A response that is still being made in the background
 * has nothing to judge. Source: OpenAI API reference, responses.
 */
import { FAILURE_NAMES, MODEL, ROOT_WANTS, USAGE } from './facts.ts'
import { MessageFacts } from './message-facts.ts'
import { place, WANTS } from './place.ts'

const SAID = place('said', WANTS.text | WANTS.leaves)
const PART = place('part', 0, { repeated: { text: SAID, refusal: SAID } })
const ITEM = place('part', 0, {
  repeated: {
    type: place('part type', WANTS.text),
    content: place('parts', WANTS.leaves, { element: PART })
  }
})

const RESPONSE = {
  output: place('parts', WANTS.leaves, { element: ITEM }),
  ...FAILURE_NAMES,
  status: place('status', WANTS.text),
  model: MODEL,
  usage: USAGE
}

export const RESPONSES_ROOT = place('root', ROOT_WANTS, {
  repeated: {
    ...RESPONSE,
    type: place('event', WANTS.text),
    delta: place('delta', WANTS.text),
    item: ITEM,
    response: place('response', 0, { repeated: RESPONSE })
  }
})

const CONTENT = new Set([
  'response.output_text.delta',
  'response.refusal.delta',
  'response.function_call_arguments.delta',
  'response.audio.delta',
  'response.audio.transcript.delta'
])
const ENDS = new Set(['response.completed', 'response.incomplete', 'response.failed'])

export function responsesFacts(stream: boolean): MessageFacts {
  return new MessageFacts(
    {
      isContent: type => CONTENT.has(type),
      isEnd: type => ENDS.has(type),
      isFailure: type => type === 'error' || type === 'response.failed'
    },
    stream
  )
}
