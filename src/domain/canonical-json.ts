/**
 * One text for one value: JSON with the members of objects in the order of their names (UTF-16 units) and no
 * space, as in RFC 8785, so that a digest of a document is the same on every replica.
 *
 * Values are plain JSON. Members that are undefined are left out, and numbers that JSON has not become null.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(item => canonicalJson(item ?? null)).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`)
  return `{${members.join(',')}}`
}
