/**
 * Puts the lane of one data thread together and carries out what the control plane says.
 *
 * It listens from its first snapshot on, so that no request meets a thread that knows no route.
 */
import type { AddressInfo } from 'node:net'
import { openRoad, type Road } from '../copy-road/open-road.ts'
import { ByteBudget } from '../domain/byte-budget.ts'
import { CREDIT_BYTES, type RoadAddress } from '../domain/shadow-copy.ts'
import type {
  FromThread,
  Snapshot,
  SnapshotChange,
  ThreadSettings,
  ToThread
} from '../domain/snapshot.ts'
import { THREAD_WORD, threadRegionOver } from '../domain/thread-region.ts'
import { forbidden } from '../upstream-connection/forbidden.ts'
import { Pools } from '../upstream-connection/pools.ts'
import { AccessLog } from './access-log.ts'
import { startBeat } from './beat.ts'
import { SWEEP_MS, sweep } from './clocks.ts'
import { drain } from './drain.ts'
import type { Exchange } from './exchange.ts'
import { HELD_BYTES } from './held-body.ts'
import type { Lane } from './lane.ts'
import { type Listener, makeListener } from './listener.ts'
import { LiveRoutes, type LiveTable } from './live-routes.ts'
import type { ObservedAnswer } from './observed-answer.ts'
import { processClock } from './process-time.ts'
import { endStreams } from './stream-end.ts'
import { Taps } from './tap.ts'

export type RunningLane = { readonly handle: (message: ToThread) => void }

/** `exit` ends the thread. */
export async function startLane(
  settings: ThreadSettings,
  send: (message: FromThread) => void,
  exit: () => void
): Promise<RunningLane> {
  const region = threadRegionOver(settings.header)
  const now = processClock(settings.epochMs)
  const lane: Lane = {
    settings,
    region,
    now,
    exchanges: new Set<Exchange>(),
    accessLog: new AccessLog(),
    reading: new Set<ObservedAnswer>(),
    bodies: new ByteBudget(Math.floor(HELD_BYTES / settings.threads)),
    taps: new Taps(new Uint32Array(settings.shadowCounters)),
    log: (level, msg, fields) => send({ type: 'log', level, msg, fields }),
    table: null,
    draining: false
  }
  const rules = forbidden(settings.forbiddenPorts)
  const routes = new LiveRoutes(new Pools(rules), settings.threads, settings.index)
  const listener = await makeListener(lane)
  startBeat(region, now)
  setInterval(() => {
    region.words[THREAD_WORD.connections] = listener.connections.size
    guarded(lane, () => sweep(lane))
  }, SWEEP_MS)
  process.on('uncaughtException', error => {
    lane.log('error', 'a fault outside any request was contained', { error: error.stack ?? '' })
  })

  function apply(table: LiveTable, { accessLog, sequence }: Snapshot | SnapshotChange): void {
    lane.table = table
    lane.accessLog.configure(accessLog)
    endStreams(lane)
    send({ type: 'applied', sequence })
  }

  let road: Road | null = null

  function disconnect(): void {
    lane.taps.connect(null)
    road?.close()
    road = null
  }

  function connect(address: RoadAddress): void {
    disconnect()
    road = openRoad(address, Math.floor(CREDIT_BYTES / settings.threads), disconnect)
    lane.taps.connect(road)
  }

  return {
    handle: message => {
      if (message.type === 'stop') {
        for (const answer of [...lane.reading]) answer.hurry()
        disconnect() // what waits for the end of its batch goes out
        exit()
      } else if (message.type === 'drain') {
        drain(lane, listener.server, listener.connections, message.graceMs, () =>
          send({ type: 'drained' })
        )
      } else if (message.type === 'snapshot') {
        apply(routes.build(message.snapshot, message.counters), message.snapshot)
        listen(lane, listener, rules.addPort, send)
      } else if (message.type === 'change') {
        apply(routes.change(message.change, message.counters), message.change)
      } else if (message.type === 'shadow-road') {
        connect(message.address)
      } else {
        disconnect()
        send({ type: 'shadow-stopped' })
      }
    }
  }
}

function listen(
  lane: Lane,
  listener: Listener,
  addPort: (port: number) => void,
  send: (message: FromThread) => void
): void {
  const { server } = listener
  const { host, port, reusePort } = lane.settings.listen
  let listening = false
  server.on('error', (error: NodeJS.ErrnoException) => {
    // Once it listens, an error is of one connection: no file descriptor was left to accept it.
    if (listening) lane.log('error', 'a connection could not be accepted', { error: error.message })
    else send({ type: 'failed', code: error.code ?? 'UNKNOWN', message: error.message })
  })
  server.listen({ host, port, reusePort, backlog: 1024 }, () => {
    listening = true
    const address = server.address() as AddressInfo // it listens on TCP
    addPort(address.port)
    send({ type: 'listening', host: address.address, port: address.port })
  })
}

function guarded(lane: Lane, step: () => void): void {
  try {
    step()
  } catch (error) {
    lane.log('error', 'a sweep failed', { error: String(error) })
  }
}
