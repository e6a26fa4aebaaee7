/**
 * A Redis cluster of three masters that own a third of the slots each, put together over the wire.
 *
 * There are no replicas: a node that is killed takes its slots with it, and with the default settings the whole
 * cluster refuses until it is back.
 */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { freePort } from './ports.ts'
import { type Redis, type RedisOptions, startRedis, type Teardown } from './redis.ts'
import { until } from './until.ts'

export type RedisCluster = {
  readonly nodes: readonly Redis[]
  readonly urls: readonly string[]
  /** The node that owns the slot of a key, asked of the cluster. */
  readonly ownerOf: (key: string) => Promise<Redis>
  /** Moves the slot of a key with all keys in it; clients learn of it by MOVED. */
  readonly moveSlotOf: (key: string, to: Redis) => Promise<void>
  /** Waits until every node says that the cluster is well. */
  readonly well: () => Promise<void>
}

const SLOTS = 16_384
const MASTERS = 3
const BUS = 10_000 // the port of the nodes' own talk is so much above the clients'

/** Starts the nodes and waits until each says cluster_state:ok. */
export async function startRedisCluster(
  t: Teardown,
  options: Omit<RedisOptions, 'replicaOf' | 'port' | 'tls'> = {}
): Promise<RedisCluster> {
  const config = ['cluster-enabled yes', 'cluster-node-timeout 2000', ...(options.config ?? [])]
  const nodes: Redis[] = []
  for (let i = 0; i < MASTERS; i++) {
    nodes.push(await startRedis(t, { ...options, config, port: await portWithBus() }))
  }
  const well = async () => {
    await until('the cluster is well', async () => {
      const states = await Promise.all(nodes.map(node => node.cli('CLUSTER', 'INFO')))
      return states.every(
        state =>
          /cluster_state:ok/.test(String(state)) &&
          /cluster_slots_ok:16384/.test(String(state)) &&
          /cluster_known_nodes:3/.test(String(state))
      )
    })
  }
  for (const [i, node] of nodes.entries()) {
    const [from, to] = [Math.ceil((i * SLOTS) / MASTERS), Math.ceil(((i + 1) * SLOTS) / MASTERS)]
    // One by one and no range, which servers before 7.0 do not know.
    const slots = Array.from({ length: to - from }, (_, at) => from + at)
    await node.cli('CLUSTER', 'ADDSLOTS', ...slots)
    await node.cli('CLUSTER', 'SET-CONFIG-EPOCH', i + 1)
  }
  for (const node of nodes.slice(1))
    await node.cli('CLUSTER', 'MEET', '127.0.0.1', first(nodes).port)
  await well()

  const ownerOf = async (key: string) => {
    const slot = Number(await first(nodes).cli('CLUSTER', 'KEYSLOT', key))
    const ranges = await first(nodes).cli('CLUSTER', 'SLOTS')
    for (const range of Array.isArray(ranges) ? ranges : []) {
      const [from, to, owner] = Array.isArray(range) ? range : []
      if (slot < Number(from) || slot > Number(to)) continue
      const node = nodes.find(one => Array.isArray(owner) && one.port === owner[1])
      if (node !== undefined) return node
    }
    throw new Error(`no node owns the slot ${slot} of ${key}`)
  }
  return {
    nodes,
    urls: nodes.map(node => node.url),
    ownerOf,
    well,
    async moveSlotOf(key, to) {
      const from = await ownerOf(key)
      if (from === to) return
      const slot = Number(await to.cli('CLUSTER', 'KEYSLOT', key))
      const [fromId, toId] = [await from.cli('CLUSTER', 'MYID'), await to.cli('CLUSTER', 'MYID')]
      await to.cli('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(fromId))
      await from.cli('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(toId))
      const secret = options.password === undefined ? [] : ['AUTH', options.password]
      for (;;) {
        const keys = await from.cli('CLUSTER', 'GETKEYSINSLOT', slot, 100)
        if (!Array.isArray(keys) || keys.length === 0) break
        const names = keys.map(String)
        await from.cli('MIGRATE', '127.0.0.1', to.port, '', 0, 5_000, ...secret, 'KEYS', ...names)
      }
      for (const node of [to, from, ...nodes.filter(one => one !== to && one !== from)]) {
        await node.cli('CLUSTER', 'SETSLOT', slot, 'NODE', String(toId))
      }
    }
  }
}

function first(nodes: readonly Redis[]): Redis {
  const [node] = nodes
  if (node === undefined) throw new Error('a cluster without nodes')
  return node
}

/** A free port whose bus port exists and is free too. */
async function portWithBus(): Promise<number> {
  return until('a port with a bus port', async () => {
    const port = await freePort()
    if (port + BUS > 65_535) return false
    await listenOnce(port + BUS)
    return port
  })
}

/** Throws when somebody has the port, which until() takes for "not yet". */
async function listenOnce(port: number): Promise<void> {
  const server = createServer()
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  server.close()
  await once(server, 'close')
}
