/**
 * Route snapshots for tests: a champion v3 and a challenger v4 at 10 percent, one address each; override what
 * the test is about.
 */
import type { RequestFacts } from '../../src/domain/facts.ts'
import type {
  AddressSnapshot,
  RouteSnapshot,
  Snapshot,
  VariantSnapshot
} from '../../src/domain/snapshot.ts'

export function routeSnapshot(changes: Partial<RouteSnapshot> = {}): RouteSnapshot {
  return {
    name: 'fraud',
    match: {
      hosts: ['router.test'],
      paths: ['/v1/predict', '/v1/predict/'],
      headers: {},
      query: {}
    },
    protocol: 'opaque',
    hashOn: [{ header: 'x-user-id' }],
    onMissingUnit: 'champion',
    revision: '1-1',
    salt: 'fraud.0',
    generation: 1,
    champion: 0,
    ranges: [
      { start: 0, end: 1000, variant: 1 },
      { start: 1000, end: 10_000, variant: 0 }
    ],
    overrides: [],
    onUnavailable: 'champion',
    badKinds: [],
    latency: null,
    timeouts: { connect: 1000, firstByte: 60_000, idle: 30_000, streamIdle: 300_000 },
    stream: { graceMs: 600_000, cut: false },
    limits: { body: 1 << 25, inFlight: 1024 },
    headers: { variant: true, revision: true, reason: false },
    predictions: [],
    shadows: [],
    variants: [variantSnapshot('v3'), variantSnapshot('v4')],
    ...changes
  }
}

export function variantSnapshot(
  name: string,
  changes: Partial<VariantSnapshot> = {}
): VariantSnapshot {
  return {
    name,
    counters: 0,
    rolledBack: false,
    balance: 'least-in-flight',
    keepAliveMs: 1500,
    tls: null,
    rewrite: null,
    addresses: [addressSnapshot(0)],
    ...changes
  }
}

export function addressSnapshot(
  slot: number,
  changes: Partial<AddressSnapshot> = {}
): AddressSnapshot {
  return {
    slot,
    url: `http://model-${slot}.test:8000`,
    secure: false,
    hostname: `model-${slot}.test`,
    ip: `192.0.2.${slot + 1}`,
    port: 8000,
    healthy: true,
    ramp: 1,
    ...changes
  }
}

export function snapshotOf(
  routes: readonly RouteSnapshot[],
  changes: Partial<Snapshot> = {}
): Snapshot {
  return {
    sequence: 1,
    trustedProxies: [],
    pseudonym: 'sluice',
    accessLog: null,
    routes,
    ...changes
  }
}

export function requestFacts(changes: Partial<RequestFacts> = {}): RequestFacts {
  return {
    method: 'POST',
    path: '/v1/predict',
    query: '',
    host: 'router.test',
    rawHeaders: ['Host', 'router.test', 'X-User-Id', 'user-1'],
    peer: '198.51.100.7',
    secure: false,
    ...changes
  }
}
