/**
 * An open-model load at modest rates: every request goes out at its time, however long others take, over as
 * many connections as that needs. For the benches whose fault is an upstream that does not answer.
 */
import { Agent, request } from 'node:http'

export type OpenLoad = {
  readonly sent: () => number
  /** Answers by status; 0 for a connection that broke. */
  readonly statuses: () => ReadonlyMap<number, number>
  /** Stops sending; what is under way is dropped. */
  readonly stop: () => void
}

export type OpenLoadOptions = {
  readonly url: string
  readonly path: string
  readonly rate: number // requests a second
  readonly units: number
  readonly body: string
}

export function openLoad({ url, path, rate, units, body }: OpenLoadOptions): OpenLoad {
  const agent = new Agent({ keepAlive: true })
  const statuses = new Map<number, number>()
  const start = performance.now()
  let sent = 0
  const count = (status: number) => statuses.set(status, (statuses.get(status) ?? 0) + 1)
  const timer = setInterval(() => {
    const due = ((performance.now() - start) / 1000) * rate
    for (; sent < due; sent++) one(`user-${sent % units}`)
  }, 5)

  return {
    sent: () => sent,
    statuses: () => statuses,
    stop() {
      clearInterval(timer)
      agent.destroy()
    }
  }

  function one(unit: string): void {
    const req = request(new URL(path, url), {
      agent,
      method: 'POST',
      headers: {
        host: 'router.test',
        'content-type': 'application/json',
        'content-length': body.length,
        'x-user-id': unit
      }
    })
    req.on('response', answer => {
      count(answer.statusCode ?? 0)
      answer.on('error', () => {}).resume()
    })
    req.on('error', () => count(0))
    req.end(body)
  }
}
