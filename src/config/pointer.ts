/**
 * JSON Pointers of a configuration (RFC 6901): the text alone, for nobody knows the documents yet.
 *
 * Exports: `pointer`, `faultOfPointer`. The empty text is the whole document. Where `*` stands for any one
 * index or name, the key's description says so.
 */
import { Type } from 'typebox'

const MAX_CHARACTERS = 1024

/** The schema of a pointer. Its syntax is checked with the rules, which can say what to write instead. */
export function pointer(description: string) {
  return Type.String({
    description,
    maxLength: MAX_CHARACTERS,
    'x-says': 'a JSON Pointer such as "/user_id" or "/instances/0/user"'
  })
}

/** What is wrong with a pointer, a sentence without its subject; null when nothing is. */
export function faultOfPointer(text: string): string | null {
  if (text === '') return null
  if (text.startsWith('#')) return `is a URI fragment; write the pointer alone, "${text.slice(1)}"`
  if (!text.startsWith('/')) {
    const path = text.replace(/^\$\.?/, '').replace(/[.[\]]+/g, '/')
    return `is no JSON Pointer; it starts with "/", as in "/${path.replace(/^\/+|\/+$/g, '')}"`
  }
  return /~(?![01])/.test(text) ? 'holds a ~ that is not ~0 (a tilde) or ~1 (a slash)' : null
}
