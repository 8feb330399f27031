// Socket.IO over its adapters of Redis, servers and clients on loopback: node socket_io.mjs ADDRESS
import { once } from 'node:events'
import { createServer } from 'node:http'

import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter'
import { createAdapter as createStreamsAdapter } from '@socket.io/redis-streams-adapter'
import Redis from 'ioredis'
import { createClient } from 'redis'
import { Server } from 'socket.io'
import { io } from 'socket.io-client'

import { Cases, equal, range, unique, waitFor } from './harness.mjs'
import { endpoint } from './resp_support.mjs'

const cases = new Cases('socket_io')

async function nodeRedis (context) {
  const client = createClient({ socket: endpoint(context.address) })
  client.on('error', () => {})
  context.onEnd(() => client.close()) // after what the servers have still to send
  return client.connect()
}

async function ioredis (context) {
  const client = new Redis(endpoint(context.address))
  client.on('error', () => {})
  context.onEnd(async () => client.disconnect())
  await once(client, 'ready')
  return client
}

// name → an adapter for one server; `key` keeps the servers of a case apart from those of others.
const adapters = {
  'redis-adapter over node-redis': async (context, key) => createAdapter(await nodeRedis(context), await nodeRedis(context), { key }),
  'redis-adapter over ioredis': async (context, key) => createAdapter(await ioredis(context), await ioredis(context), { key }),
  'sharded redis-adapter': async (context, key) =>
    createShardedAdapter(await nodeRedis(context), await nodeRedis(context), { channelPrefix: key }),
  'redis-streams-adapter': async (context, key) =>
    createStreamsAdapter(await nodeRedis(context), {
      streamName: key, channelPrefix: key, sessionKeyPrefix: `${key}:session:`, heartbeatInterval: 500, blockTimeInMs: 200
    })
}

// Servers that share the adapter's key, and clients of them that remember what they heard.
async function cluster (context, make, size, options = {}) {
  const key = unique('sio')
  const servers = []
  for (const n of range(size)) {
    const http = createServer()
    const server = new Server(http, { adapter: await make(context, key), transports: ['websocket'], ...options })
    server.on('connection', socket => socket.on('join', (room, done) => { socket.join(room); done?.() }))
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    context.onEnd(() => new Promise(resolve => server.close(() => resolve())))
    servers.push({ n, io: server, port: http.address().port })
  }
  const client = async n => {
    const socket = io(`http://127.0.0.1:${servers[n].port}`, { transports: ['websocket'], reconnectionDelay: 50, forceNew: true })
    context.onEnd(async () => socket.disconnect())
    socket.heard = []
    socket.onAny((event, ...values) => {
      const done = typeof values.at(-1) === 'function' ? values.pop() : undefined
      socket.heard.push([event, ...values])
      done?.(`ack of ${n}`)
    })
    await waitFor('the connection', () => socket.connected)
    return socket
  }
  const clients = []
  for (const n of range(size)) clients.push(await client(n), await client(n))
  // The servers know of each other when each reaches every client.
  for (const { io: server, n } of servers) {
    await waitFor('all servers', async () => {
      const sockets = await server.timeout(1000).fetchSockets().catch(() => [])
      if (sockets.length !== clients.length) return false
      server.emit('ready', n)
      await waitFor('all clients', () => clients.every(c => c.heard.some(([event, from]) => event === 'ready' && from === n)), 5).catch(() => {})
      return clients.every(c => c.heard.some(([event, from]) => event === 'ready' && from === n))
    })
  }
  for (const socket of clients) socket.heard.length = 0
  return { servers: servers.map(s => s.io), clients, client }
}

const heardBy = clients => clients.map(c => c.heard)

for (const [name, make] of Object.entries(adapters)) {
  cases.add(`${name}: broadcasts to all, to rooms, except some, with binary`, async context => {
    const { servers, clients } = await cluster(context, make, 3)
    await Promise.all(clients.map((socket, i) => socket.emitWithAck('join', i % 2 ? 'odd' : 'even')))
    await Promise.all([1, 4].map(i => clients[i].emitWithAck('join', 'few')))
    servers[0].emit('all', { text: 'ü', bytes: Buffer.from([0, 255, 13, 10]) })
    await waitFor('the broadcast', () => clients.every(c => c.heard.length === 1))
    for (const [[event, { text, bytes }]] of heardBy(clients)) equal([event, text, [...bytes]], ['all', 'ü', [0, 255, 13, 10]])
    servers[1].to('odd').emit('odd', 1)
    servers[2].to('even').to('few').except('odd').emit('even, not odd', 2)
    servers[0].local.emit('local', 3)
    servers[0].emit('end')
    await waitFor('the end', () => clients.every(c => c.heard.some(([event]) => event === 'end')))
    await waitFor('the rooms', () => clients.reduce((sum, c) => sum + c.heard.length, 0) === 6 * 2 + 3 + 3 + 2)
    clients.forEach((c, i) => {
      const names = c.heard.map(([event]) => event)
      equal([names.includes('odd'), names.includes('even, not odd'), names.includes('local')], [i % 2 === 1, i % 2 === 0, i < 2], `client ${i}`)
    })
  })

  cases.add(`${name}: 600 messages of three servers arrive, each server's in order`, async context => {
    const { servers, clients } = await cluster(context, make, 3)
    for (const i of range(200)) servers.forEach((server, n) => server.emit('m', n, i))
    await waitFor('the messages', () => clients.every(c => c.heard.length >= 600))
    for (const c of clients) {
      for (const n of range(3)) equal(c.heard.filter(([, from]) => from === n).map(([, , i]) => i), range(200))
    }
  })

  cases.add(`${name}: sockets of all servers are found, joined, left, disconnected; servers talk`, async context => {
    const { servers, clients } = await cluster(context, make, 2)
    const ids = sockets => sockets.map(s => s.id).sort()
    equal(ids(await servers[0].fetchSockets()), ids(clients))
    servers[0].socketsJoin('everybody')
    await waitFor('the room', async () => (await servers[1].in('everybody').fetchSockets()).length === 4)
    servers[1].in(clients[0].id).socketsLeave('everybody')
    await waitFor('one to leave', async () => (await servers[1].in('everybody').fetchSockets()).length === 3)
    servers[0].to(clients[3].id).emit('only', 'you')
    await waitFor('a message to one', () => clients[3].heard.length === 1)
    equal(heardBy(clients.slice(0, 3)), [[], [], []])
    const asked = []
    servers.forEach((server, n) => server.on('question', (word, done) => { asked.push([n, word]); done?.(`${word} from ${n}`) }))
    servers[0].serverSideEmit('question', 'tell')
    await waitFor('the other server', () => asked.length === 1)
    equal([asked[0], await servers[1].serverSideEmitWithAck('question', 'hello')], [[1, 'tell'], ['hello from 0']])
    const answers = await servers[0].timeout(10_000).emitWithAck('please')
    equal(answers.sort(), ['ack of 0', 'ack of 0', 'ack of 1', 'ack of 1'])
    servers[0].in(clients[2].id).disconnectSockets()
    await waitFor('a disconnection', () => !clients[2].connected)
    await waitFor('three to be left', async () => (await servers[0].fetchSockets()).length === 3)
  })
}

cases.add('redis-streams-adapter: a client that was away gets what it missed, also from another server', async context => {
  const { servers, client } = await cluster(context, adapters['redis-streams-adapter'], 2, {
    connectionStateRecovery: { maxDisconnectionDuration: 60_000 }
  })
  const socket = await client(0)
  await socket.emitWithAck('join', 'room')
  const { id } = socket
  servers[1].to('room').emit('m', 1)
  await waitFor('the first', () => socket.heard.some(([event]) => event === 'm'))
  socket.io.engine.close()
  await waitFor('the disconnection', () => !socket.connected)
  for (const i of [2, 3, 4]) servers[1].to('room').emit('m', i)
  await waitFor('the connection', () => socket.connected)
  await waitFor('the rest', () => socket.heard.filter(([event]) => event === 'm').length === 4)
  equal([socket.recovered, socket.id === id, socket.heard.filter(([event]) => event === 'm').map(([, i]) => i)], [true, true, [1, 2, 3, 4]])
})

await cases.main()
