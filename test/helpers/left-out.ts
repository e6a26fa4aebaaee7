/**
 * Whether a part of the tests is left out on purpose: `SLUICE_TEST_WITHOUT=llm,kafka`.
 *
 * Gives tap's `skip`: false, or the reason. It begins with the part's name, by which the runner knows that the skip
 * was asked for.
 */
export function leftOut(part: string): string | false {
  const { SLUICE_TEST_WITHOUT = '' } = process.env
  return SLUICE_TEST_WITHOUT.split(',').includes(part) && `${part} is left out on purpose`
}
