// Live push with the packages ws and eventsource: node live.mjs ADDRESS, which is not used: the cases restart servers of their own.
import { EventSource } from 'eventsource'
import WebSocket from 'ws'

import { equal, waitFor } from './harness.mjs'
import { liveCases } from './live_cases.mjs'
import { Server } from './live_support.mjs'

const { cases, connect } = liveCases('live_node', { WebSocket, EventSource })

cases.add('ws: pings, compression that is offered and not agreed on, an origin, and who is refused', async context => {
  const server = await Server.start(context, '--http.cors-origins', 'https://app.example')
  const live = await connect(context, server, { perMessageDeflate: true, origin: 'https://app.example' })
  equal([live.socket.extensions, live.socket.protocol], ['', ''])
  let pong
  live.socket.on('pong', data => { pong = data.toString() })
  live.socket.ping('are you there')
  await waitFor('the pong', () => pong === 'are you there')
  live.socket.send(Buffer.from('{"op":"ping"}'), { binary: true })
  await waitFor('the end', () => live.closed !== null)
  equal(live.closed, 1003)
  const status = await new Promise((resolve, reject) => {
    const refused = new WebSocket(server.live, { origin: 'https://evil.example' })
    refused.on('unexpected-response', (request, response) => { resolve(response.statusCode); request.destroy() })
    refused.on('open', () => reject(new Error('it was let in')))
    refused.on('error', () => {})
  })
  equal(status, 403)
})

cases.add('ws: a message in many fragments, and 2,000 at once', async context => {
  const server = await Server.start(context)
  const live = await connect(context, server)
  const text = JSON.stringify({ op: 'publish', channel: 'c', id: 0, data: 'x'.repeat(5000) })
  const answer = new Promise(resolve => live.waiting.set(0, resolve))
  for (let i = 0; i < text.length; i += 100) live.socket.send(text.slice(i, i + 100), { fin: i + 100 >= text.length })
  equal((await answer).type, 'published')
  const answers = await Promise.all(Array.from({ length: 2000 }, () => live.ask('ping')))
  equal(answers.every(({ type }) => type === 'pong'), true)
})

await cases.main()
