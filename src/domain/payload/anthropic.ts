/**
 * Answers of the Messages API of Anthropic, whole and streamed: content blocks, and `message_stop` at the end.
 *
 * The tokens of a stream are cumulative, so the last count is the count. `ping` events say nothing, an `error` event is a
 * failure of the model. Source: Anthropic API reference, messages and streaming.
 */
import { FAILURE_NAMES, MODEL, ROOT_WANTS, USAGE } from './facts.ts'
import { MessageFacts } from './message-facts.ts'
import { place, WANTS } from './place.ts'

const BLOCK = place('part', WANTS.text, {
  repeated: {
    type: place('part type', WANTS.text),
    text: place('said', WANTS.text | WANTS.leaves)
  }
})
const STOP = place('status', WANTS.text)

const MESSAGE = {
  content: place('said', WANTS.text | WANTS.leaves, { element: BLOCK }),
  stop_reason: STOP,
  model: MODEL,
  usage: USAGE
}

export const ANTHROPIC_ROOT = place('root', ROOT_WANTS, {
  repeated: {
    ...MESSAGE,
    ...FAILURE_NAMES,
    type: place('event', WANTS.text),
    message: place('message', 0, { repeated: MESSAGE }),
    content_block: BLOCK,
    delta: place('change', 0, {
      repeated: {
        text: place('delta', WANTS.text),
        partial_json: place('delta', WANTS.text),
        stop_reason: STOP
      }
    })
  }
})

export function anthropicFacts(stream: boolean): MessageFacts {
  return new MessageFacts(
    {
      isContent: null,
      isEnd: type => type === 'message_stop',
      isFailure: type => type === 'error'
    },
    stream
  )
}
