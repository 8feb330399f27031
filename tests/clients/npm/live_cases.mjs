// The cases of live push. An adapter hides the clients:
//   WebSocket, EventSource     as the standard has them
import { Cases, equal, range, unique, waitFor } from './harness.mjs'
import { Server } from './live_support.mjs'

export function liveCases (suite, { WebSocket, EventSource }) {
  const cases = new Cases(suite)

  // A socket with what came in .events; ask() answers a request by its id.
  async function connect (context, server, options) {
    const socket = new WebSocket(server.live, options)
    const live = { socket, events: [], waiting: new Map(), last: 0, closed: null }
    const opened = new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve)
      socket.addEventListener('error', event => reject(new Error(event.message ?? 'an error')))
    })
    socket.addEventListener('close', event => { live.closed = event.code })
    socket.addEventListener('message', event => {
      const message = JSON.parse(event.data)
      if (!live.waiting.has(message.id)) return live.events.push(message)
      live.waiting.get(message.id)(message)
      live.waiting.delete(message.id)
    })
    live.ask = (op, members = {}) => new Promise(resolve => {
      live.waiting.set(++live.last, resolve)
      socket.send(JSON.stringify({ op, id: live.last, ...members }))
    })
    context.onEnd(async () => socket.close())
    await opened
    return live
  }

  const values = live => live.events.filter(event => event.type === 'record').map(event => event.value)

  cases.add('a WebSocket subscribes, publishes, and is told what is wrong', async context => {
    const server = await Server.start(context)
    const topic = await server.topic('js-live', 3)
    const [reader, writer] = [await connect(context, server), await connect(context, server)]
    equal((await reader.ask('subscribe', { topic })).offsets, { 0: 0, 1: 0, 2: 0 })
    const answers = await Promise.all(range(500).map(i => writer.ask('publish', { topic, key: `${i}`, value: `v${i}` })))
    equal(answers.every(answer => answer.type === 'published'), true)
    await waitFor('500 records', () => reader.events.length >= 500)
    equal(reader.events.map(event => [event.partition, event.offset, event.value]).sort(),
      answers.map((answer, i) => [answer.partition, answer.offset, `v${i}`]).sort())
    const refused = await writer.ask('subscribe', { topic: 'absent' })
    equal([refused.type, refused.problem.status, refused.problem.type], ['error', 404, 'urn:leat:problem:not-found'])
    reader.socket.close(4001, 'enough')
    await waitFor('the end', () => reader.closed !== null)
    equal(reader.closed, 4001)
  })

  cases.add('a chat: a channel, a pattern, and a queue shared by two', async context => {
    const server = await Server.start(context)
    const [a, b] = [await connect(context, server), await connect(context, server)]
    await a.ask('subscribe', { channel: 'room.1' })
    await b.ask('subscribe', { pattern: 'room.*' })
    equal((await b.ask('publish', { channel: 'room.1', data: 'hello ☃' })).type, 'published')
    await waitFor('the message', () => a.events.length === 1 && b.events.length === 1)
    equal([a.events[0], b.events[0].pattern], [{ type: 'message', channel: 'room.1', data: 'hello ☃' }, 'room.*'])
    const queue = unique('js-queue')
    await server.call('POST', '/v1/queues', { name: queue })
    for (const live of [a, b]) {
      live.events.length = 0
      await live.ask('subscribe', { queue, prefetch: 2 })
      live.socket.addEventListener('message', event => {
        const { type, receipt } = JSON.parse(event.data)
        if (type === 'delivery') live.ask('acknowledge', { queue, receipts: [receipt] })
      })
    }
    await Promise.all(range(100).map(i => a.ask('send', { queue, body: `${i}` })))
    const bodies = () => [...a.events, ...b.events].filter(event => event.type === 'delivery').map(event => Number(event.body))
    await waitFor('100 deliveries', () => bodies().length >= 100)
    equal(bodies().sort((x, y) => x - y), range(100))
    await waitFor('all to be settled', async () => {
      const { ready, in_flight: inFlight } = await server.call('GET', `/v1/queues/${queue}`)
      return ready === 0 && inFlight === 0
    })
  })

  cases.add('when the server stops a WebSocket is closed with 1001, and goes on with offsets when it is there again', async context => {
    const server = await Server.start(context)
    const topic = await server.topic('js-live', 2)
    const live = await connect(context, server)
    const places = (await live.ask('subscribe', { topic })).offsets
    await server.publish(topic, ['a', 'b'], 0)
    await server.publish(topic, ['c'], 1)
    await waitFor('3 records', () => live.events.length === 3)
    for (const event of live.events) places[event.partition] = event.offset + 1
    equal(await server.stop(), 0, 'the exit code')
    await waitFor('the close', () => live.closed !== null)
    equal(live.closed, 1001)
    await server.again()
    await server.publish(topic, ['d'], 0)
    const next = await connect(context, server)
    equal((await next.ask('subscribe', { topic, offsets: places })).offsets, places)
    await server.publish(topic, ['e'], 1)
    await waitFor('2 records', () => next.events.length >= 2)
    equal(values(next).sort(), ['d', 'e'])
  })

  cases.add('an EventSource goes on by itself when the server was restarted: nothing is missed or doubled', async context => {
    const server = await Server.start(context)
    const topics = [await server.topic('js-events', 3), await server.topic('js-events')]
    const source = new EventSource(`${server.url}/v1/events?topic=${topics[0]}&topic=${topics[1]}&channel=room`)
    context.onEnd(async () => source.close())
    const seen = []
    const opened = { count: 0 }
    source.addEventListener('open', () => opened.count++)
    source.addEventListener('record', event => seen.push({ id: event.lastEventId, ...JSON.parse(event.data) }))
    source.addEventListener('message', event => seen.push(JSON.parse(event.data)))
    await waitFor('the stream', () => opened.count === 1)
    await waitFor('its listener', async () => (await server.call('GET', '/v1/channels')).items.length === 1)
    const sent = []
    const publish = async (number, count) => {
      for (const partition of range(3)) {
        const batch = range(count).map(i => `${number}/${partition}/${i}`)
        await server.publish(topics[0], batch, partition)
        sent.push(...batch)
      }
      await server.publish(topics[1], [`${number} other`])
      sent.push(`${number} other`)
    }
    for (const number of range(2)) {
      await publish(`${number} before`, 20)
      equal(await server.stop(), 0, 'the exit code')
      await server.again()
      await publish(`${number} after`, 20)
      await waitFor('what was sent', () => seen.length >= sent.length)
      await waitFor('the stream again', () => opened.count === number + 2)
    }
    const got = seen.map(record => record.value)
    equal(got.length, sent.length, 'records')
    equal([...got].sort(), [...sent].sort())
    for (const topic of topics) {
      for (const partition of range(3)) {
        const offsets = seen.filter(r => r.topic === topic && r.partition === partition).map(r => r.offset)
        equal(offsets, range(offsets.length), 'in order')
      }
    }
    equal(seen.every(record => record.id.includes(topics[0]) && record.id.includes(topics[1])), true, 'ids')
  })

  cases.add('an EventSource goes on when the server was killed, with a page that comes back with last_event_id', async context => {
    const server = await Server.start(context)
    const topic = await server.topic('js-events')
    const seen = []
    const open = last => {
      const source = new EventSource(`${server.url}/v1/events?topic=${topic}${last ? `&last_event_id=${encodeURIComponent(last)}` : ''}`)
      source.addEventListener('record', event => seen.push({ id: event.lastEventId, value: JSON.parse(event.data).value }))
      context.onEnd(async () => source.close())
      return new Promise(resolve => source.addEventListener('open', () => resolve(source)))
    }
    const first = await open()
    await waitFor('its place', async () => {
      await server.publish(topic, ['probe'])
      return seen.length > 0
    })
    const before = seen.length
    await server.publish(topic, ['a'])
    await waitFor('a', () => seen.at(-1).value === 'a')
    server.process.kill('SIGKILL')
    await server.exit
    await server.again()
    await server.publish(topic, ['b'])
    await waitFor('b', () => seen.at(-1).value === 'b')
    first.close()
    await server.publish(topic, ['c'])
    await open(seen.at(-1).id)
    await waitFor('c', () => seen.at(-1).value === 'c')
    equal(seen.slice(before).filter(({ value }) => value !== 'probe').map(({ value }) => value), ['a', 'b', 'c'])
  })

  cases.add('an EventSource is refused what is not there, and does not try again', async context => {
    const server = await Server.start(context)
    const source = new EventSource(`${server.url}/v1/events?topic=absent`)
    context.onEnd(async () => source.close())
    await new Promise(resolve => source.addEventListener('error', resolve))
    equal(source.readyState, 2, 'closed')
  })

  return { cases, connect }
}
