/**
 * What the places of a format are made of (unit-place.ts): a part of a document of which nothing is wanted, and an
 * object and a list without which there is no unit. A place says only where it differs.
 */
import type { Place, Slot } from './unit-place.ts'

/** Nothing of what stands here is wanted, and what does not belong here does no harm. */
export class Part implements Place {
  scalar(_text: string | null): void {}

  long(): void {}

  opens(_array: boolean): boolean {
    return false
  }

  member(_name: string): Place | null {
    return null
  }

  element(_index: number): Place | null {
    return null
  }

  wantsBehind(_index: number): boolean {
    return false
  }

  closes(): void {}
}

/** Something that the unit stands in: a value that stands in its place means that there is no unit. */
class Holder extends Part {
  readonly slot: Slot

  constructor(slot: Slot) {
    super()
    this.slot = slot
  }

  override scalar(_text: string | null): void {
    this.slot.absent()
  }

  override long(): void {
    this.slot.absent()
  }
}

/** An object that the unit stands in. */
export class ObjectPart extends Holder {
  override opens(array: boolean): boolean {
    if (array) this.slot.absent()
    return !array
  }
}

/** A list that the unit stands in, or what is needed to find it. */
export class ListPart extends Holder {
  override opens(array: boolean): boolean {
    if (!array) this.slot.absent()
    return array
  }
}
