import { type AnswerCopy, NO_ANSWER, type RequestCopy } from '../../src/domain/shadow-copy.ts'

/** A small request as a data thread copies it for the shadows of `slots`. */
export function requestCopy(id: number, slots: readonly number[]): RequestCopy {
  return {
    kind: 'request',
    id,
    slots,
    route: 'fraud',
    revision: '1-1',
    requestId: `request-${id}`,
    unit: `user-${id}`,
    unitHash: id,
    method: 'POST',
    target: `/predict?${id}`,
    path: '/predict',
    fields: ['x-own', '1'],
    body: Buffer.from('{}'),
    arrivedAt: 0,
    wholeAt: 0
  }
}

/** A champion's answer as a data thread copies it: good, with no head and no body unless `changes` say so. */
export function answerCopy(id: number, changes: Partial<AnswerCopy> = {}): AnswerCopy {
  return {
    ...NO_ANSWER,
    kind: 'answer',
    id,
    variant: 'v3',
    outcome: 'ok',
    bad: [],
    credit: 0,
    ...changes
  }
}
