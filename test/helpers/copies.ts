import { type AnswerCopy, NO_ANSWER } from '../../src/domain/shadow-copy.ts'

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
