/**
 * Which Host and Origin the admin listener answers to: the wall against DNS rebinding and against web pages.
 *
 * Hosts are compared whole, with the port, in lower case: localhost, 127.0.0.1, [::1], the listen address and
 * `admin.allowedHosts`. A name of that list without a port gets ours; one with a port (a proxy in front) is
 * taken as it is. A wildcard listen address names nothing. Source: RFC 9112 section 3.2, RFC 6454.
 */
export type HostList = {
  /** Whether a Host field (or the authority of an absolute target) names this listener. */
  allows(host: string): boolean
  /** Whether an Origin is that of this listener under a host that it answers to. */
  ownOrigin(origin: string): boolean
}

const LOCAL = ['localhost', '127.0.0.1', '[::1]']
const WILDCARDS = ['0.0.0.0', '[::]']

/** `port` is the one really listened on; `scheme` decides which port may be left out. */
export function hostList(options: {
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly port: number
  readonly allowedHosts: readonly string[]
}): HostList {
  const { scheme, port } = options
  const usual = scheme === 'https' ? ':443' : ':80'
  const listen = bracketed(options.host.toLowerCase())
  const names = [...LOCAL, ...(WILDCARDS.includes(listen) ? [] : [listen])]
  const allowed = new Set(names.map(name => `${name}:${port}`))
  for (const entry of options.allowedHosts) {
    const name = bracketed(entry.toLowerCase())
    allowed.add(/:[0-9]+$/.test(name) ? name : `${name}:${port}`)
  }
  for (const host of [...allowed])
    if (host.endsWith(usual)) allowed.add(host.slice(0, -usual.length))
  const allows = (host: string) => allowed.has(host.toLowerCase())
  const prefix = `${scheme}://`
  return {
    allows,
    ownOrigin: origin => origin.startsWith(prefix) && allows(origin.slice(prefix.length))
  }
}

function bracketed(host: string): string {
  const bare = !host.startsWith('[') && host.split(':').length > 2
  return bare ? `[${host}]` : host
}
