/**
 * Peer: @fastify/http-proxy as its README shows it, one process, one upstream. Nothing is added and nothing is
 * taken away; this is the plugin that Sluice's general lane is measured against.
 * Usage: fastify-http-proxy.ts UPSTREAM_URL
 */
import proxy from '@fastify/http-proxy'
import fastify from 'fastify'

const server = fastify()
await server.register(proxy, { upstream: process.argv[2] ?? '' })
await server.listen({ host: '127.0.0.1', port: 0 })
const address = server.server.address()
const port = typeof address === 'object' && address !== null ? address.port : 0
console.log(JSON.stringify({ ready: true, port }))
