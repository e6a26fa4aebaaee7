import type { ShadowSettings } from '../../src/domain/shadow.ts'
import type { ShadowTarget, ShadowUpstream } from '../../src/domain/shadow-messages.ts'
import { addressSnapshot } from './route-snapshot.ts'

const settings: ShadowSettings = {
  name: 'try',
  variant: 'v4',
  percent: 100,
  sample: 'unit',
  timeout: 1_000, // far beyond what an answer takes on a busy machine
  concurrency: 20,
  maxBody: 1000,
  methods: ['POST'],
  keepHeaders: [],
  rewriteModel: null,
  compare: true,
  ignore: [],
  tolerance: { relative: 0.01 },
  noise: 0,
  capture: false,
  redact: [],
  whileLive: false
}

/** A variant with one address. */
export function upstreamAt(url: string, variant: string): ShadowUpstream {
  const { hostname, port, origin } = new URL(url)
  const address = addressSnapshot(0, { url: origin, hostname, ip: hostname, port: Number(port) })
  return {
    variant,
    model: {},
    addresses: [address],
    balance: 'least-in-flight',
    tls: null,
    keepAliveMs: 1500,
    rewrite: null
  }
}

/** A shadow of slot 0 that is at `url`, as its champion is; it compares with no noise unless `changes` say so. */
export function shadowTarget(url: string, changes: Partial<ShadowSettings> = {}): ShadowTarget {
  return {
    slot: 0,
    route: 'fraud',
    settings: { ...settings, ...changes },
    protocol: 'json',
    predictions: [],
    connectMs: 1_000,
    shadow: upstreamAt(url, 'v4'),
    champion: upstreamAt(url, 'v3')
  }
}
