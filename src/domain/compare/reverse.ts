/**
 * Turns the end of a list around: what a walk put on its stack in the order of the text is taken in that order.
 */
export function reverse<T>(list: T[], from: number): void {
  for (let i = from, j = list.length - 1; i < j; i++, j--) {
    const kept = list[i] as T // both indices are inside the list
    list[i] = list[j] as T
    list[j] = kept
  }
}
