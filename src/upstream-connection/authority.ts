/**
 * What the Host field of an upstream says.
 */
import type { AddressSnapshot } from '../domain/snapshot.ts'

/** Host as RFC 9110 section 7.2 wants it: without the scheme's own port. */
export function authorityOf(address: AddressSnapshot): string {
  const port = address.secure ? 443 : 80
  const name =
    address.hostname.includes(':') && !address.hostname.startsWith('[')
      ? `[${address.hostname}]`
      : address.hostname
  return address.port === port ? name : `${name}:${address.port}`
}
