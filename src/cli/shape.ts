/**
 * Shapes of JSON values, as far as a reader depends on them.
 *
 * Members that are not named may be anything: an admin API of a later version may say more. Plain functions,
 * since loading a library for this would take longer than the call.
 */
export type Shape = (value: unknown) => boolean

export const anything: Shape = () => true
export const text: Shape = value => typeof value === 'string'
export const number: Shape = value => typeof value === 'number'
export const flag: Shape = value => typeof value === 'boolean'

export function orNull(shape: Shape): Shape {
  return value => value === null || shape(value)
}

export function list(shape: Shape): Shape {
  return value => Array.isArray(value) && value.every(shape)
}

/** An object with every value of this shape, whatever the names. */
export function map(shape: Shape): Shape {
  return value => isObject(value) && Object.values(value).every(shape)
}

/** An object with at least these members as its own. */
export function record(members: Readonly<Record<string, Shape>>): Shape {
  const wanted = Object.entries(members)
  return value =>
    isObject(value) &&
    wanted.every(
      ([name, shape]) =>
        Object.hasOwn(value, name) && shape(Object.getOwnPropertyDescriptor(value, name)?.value)
    )
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
