// Live push and the page at / in Chromium: node live_browser.mjs ADDRESS, which is not used: the cases restart servers of their own.
// SCREENSHOTS=FOLDER keeps pictures of the page.
import { access } from 'node:fs/promises'
import path from 'node:path'

import kafkajs from 'kafkajs'
import { chromium } from 'playwright-core'
import { createClient } from 'redis'

import { Cases, Skip, equal, range, unique, waitFor } from './harness.mjs'
import { Server } from './live_support.mjs'

const EXECUTABLE = '/usr/bin/chromium'
const cases = new Cases('live_browser')
let browser

async function open (context, url, options = {}) {
  await access(EXECUTABLE).catch(() => { throw new Skip(`there is no ${EXECUTABLE}`) })
  browser ??= await chromium.launch({ executablePath: EXECUTABLE, args: ['--no-sandbox'] })
  const scope = await browser.newContext(options)
  context.onEnd(() => scope.close())
  const page = await scope.newPage()
  page.complaints = []
  page.on('console', message => { if (['error', 'warning'].includes(message.type())) page.complaints.push(message.text()) })
  page.on('pageerror', error => page.complaints.push(`${error}`))
  page.on('response', answer => { if (answer.status() >= 400) page.complaints.push(`${answer.status()} ${answer.url()}`) })
  const answer = await page.goto(url)
  equal(answer.status(), 200, url)
  return page
}

async function producer (context, server) {
  const { Kafka, Partitioners, logLevel } = kafkajs
  const client = new Kafka({ brokers: [server.kafka], logLevel: logLevel.NOTHING })
  const made = client.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await made.connect()
  context.onEnd(() => made.disconnect())
  return made
}

async function redis (context, server) {
  const client = createClient({ url: `redis://127.0.0.1:${server.ports.resp}` })
  client.on('error', () => {})
  await client.connect()
  context.onEnd(async () => client.destroy())
  return client
}

// Runs in the page: a socket whose events are in window.got, and window.ask().
function chat () {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://${location.host}/v1/live`)
    const waiting = new Map()
    let last = 0
    window.got = []
    window.endCode = null
    window.ask = (op, members) => new Promise(resolve => {
      waiting.set(++last, resolve)
      socket.send(JSON.stringify({ op, id: last, ...members }))
    })
    socket.onopen = () => resolve()
    socket.onerror = () => reject(new Error('the socket was refused'))
    socket.onclose = event => { window.endCode = event.code }
    socket.onmessage = event => {
      const message = JSON.parse(event.data)
      if (!waiting.has(message.id)) return window.got.push(message)
      waiting.get(message.id)(message)
      waiting.delete(message.id)
    }
  })
}

const ask = (page, op, members) => page.evaluate(([op, members]) => window.ask(op, members), [op, members])
const got = page => page.evaluate(() => window.got)

for (const where of ['/', '/v1']) {
  cases.add(`two pages at ${where}: what one says on a channel, Redis publishes and Kafka produces reaches both`, async context => {
    const server = await Server.start(context)
    const topic = await server.topic('browser', 2)
    const pages = await Promise.all(range(2).map(() => open(context, server.url + where)))
    for (const page of pages) {
      await page.evaluate(chat)
      equal((await ask(page, 'subscribe', { channel: 'room' })).type, 'subscribed')
      equal((await ask(page, 'subscribe', { topic })).offsets, { 0: 0, 1: 0 })
    }
    const both = async (what, test) => {
      for (const page of pages) await waitFor(what, async () => (await got(page)).some(test))
    }
    equal((await ask(pages[0], 'publish', { channel: 'room', data: 'hello from A ☃' })).type, 'published')
    await both('the message of A', event => event.type === 'message' && event.data === 'hello from A ☃')
    await (await redis(context, server)).publish('room', 'hello from Redis')
    await both('the message of Redis', event => event.data === 'hello from Redis')
    await (await producer(context, server)).send({
      topic, messages: [{ key: 'k', value: 'by Kafka', partition: 1, headers: { a: 'b' } }]
    })
    await both('the record of Kafka', event => event.type === 'record' && event.partition === 1 && event.key === 'k' &&
      event.value === 'by Kafka' && event.headers[0].value === 'b')
    equal((await ask(pages[1], 'publish', { topic, value: 'by B', partition: 0 })).offset, 0)
    await both('the record of B', event => event.value === 'by B')
    for (const page of pages) {
      equal((await got(page)).length, 4, 'events')
      equal(page.complaints.filter(text => where === '/' || !/404/.test(text)), [], 'complaints')  // a picture of its own for /v1
    }
    equal(await server.stop(), 0)
    for (const page of pages) equal(await waitFor('the close', () => page.evaluate(() => window.endCode), 20), 1001, 'the code of the close')
  })
}

cases.add('a page of another site gets no WebSocket, and one that is allowed does', async context => {
  const server = await Server.start(context)
  const other = await Server.start(context, '--http.cors-origins', server.url)
  const live = host => new Promise(resolve => {
    const socket = new WebSocket(`ws://${host}/v1/live`)
    socket.onopen = () => resolve('open')
    socket.onerror = () => resolve('refused')
  })
  // The page at / lets scripts reach its own host only, the document at /v1 does not say.
  const page = await open(context, `${server.url}/v1`)
  equal(await page.evaluate(live, `127.0.0.1:${other.ports.http}`), 'open', 'allowed')
  const stranger = await open(context, `${other.url}/v1`)
  equal(await stranger.evaluate(live, `127.0.0.1:${server.ports.http}`), 'refused', 'not allowed')
})

cases.add('an EventSource in a page goes on when the server was restarted: nothing is missed or doubled', async context => {
  const server = await Server.start(context)
  const topics = [await server.topic('browser', 3), await server.topic('browser')]
  const page = await open(context, `${server.url}/v1`)
  await page.evaluate(topics => new Promise(resolve => {
    window.seen = []
    window.opened = 0
    const source = new EventSource(`/v1/events?topic=${topics.join('&topic=')}`)
    source.onopen = () => { ++window.opened; resolve() }
    source.addEventListener('record', event => window.seen.push({ id: event.lastEventId, ...JSON.parse(event.data) }))
  }), topics)
  const seen = () => page.evaluate(() => window.seen)
  // From here on the page has ids to come back with.
  await waitFor('its place', async () => {
    await server.publish(topics[0], ['probe'])
    return (await seen()).length > 0
  })
  const sent = []
  const publish = async name => {
    for (const partition of range(3)) {
      const values = range(20).map(i => `${name}/${partition}/${i}`)
      await server.publish(topics[0], values, partition)
      sent.push(...values)
    }
    await server.publish(topics[1], [name])
    sent.push(name)
  }
  const values = async () => (await seen()).map(record => record.value).filter(value => value !== 'probe')
  for (const number of range(1)) {
    await publish(`${number} before`)
    equal(await server.stop(), 0)
    await server.again()
    await publish(`${number} after`)
    await waitFor('the records', async () => (await values()).length >= sent.length)
    equal(await page.evaluate(() => window.opened), number + 2, 'streams')
  }
  equal((await values()).sort(), [...sent].sort())
})

cases.add('the page at / shows topics, queues and groups, and refreshes by itself, without a complaint', async context => {
  const server = await Server.start(context)
  const topic = await server.topic('orders', 3)
  await server.topic('a'.repeat(200))
  const page = await open(context, `${server.url}/`, { viewport: { width: 1280, height: 900 } })
  const text = async id => (await page.locator(`#${id}`).innerText()).replaceAll('\t', ' ')
  await waitFor('the topic', async () => (await text('topics')).includes(topic))
  equal(await page.title(), 'leat')
  for (const id of ['queues', 'groups']) equal(await text(id), 'none yet', id)
  await server.publish(topic, range(123).map(i => `record ${i}`), 1)
  const later = await server.topic('made-later')
  const queue = unique('jobs')
  await server.call('POST', '/v1/queues', { name: queue })
  for (const i of range(7)) await server.call('POST', `/v1/queues/${queue}/messages`, { body: `job ${i}` })
  await server.call('POST', `/v1/queues/${queue}/receive`, { max: 2, lease_ms: 600000 })
  await server.call('PUT', '/v1/groups/billing/offsets', { offsets: [{ topic, partition: 1, offset: 100 }] })
  // What a name has in it is text, never part of the page.
  const odd = `<img src=x onerror=alert(1)>`
  await server.call('PUT', `/v1/groups/${encodeURIComponent(odd)}/offsets`, { offsets: [{ topic, partition: 0, offset: 0 }] })
  await page.evaluate(chat)
  await waitFor('the topic that was made later', async () => (await text('topics')).includes(later))
  await waitFor('its records', async () => /orders-\S+ 3 123 /.test(await text('topics')))
  await waitFor('the queue', async () => new RegExp(`${queue} 5 2 0`).test(await text('queues')))
  await waitFor('the group', async () => /billing .*23/.test(await text('groups')))
  await waitFor('the odd group', async () => (await text('groups')).includes(odd))
  await waitFor('the WebSocket', async () => /\b1 WebSockets?\b/.test(await text('facts')))
  if (process.env.SCREENSHOTS) {
    await Promise.all(range(6).map(i => server.topic(`topic-with-quite-a-long-name-as-people-have-them.v${i}`, 12)))
    for (const i of range(60)) await server.publish(topic, range(200).map(j => `${i} ${j} ${'x'.repeat(500)}`), i % 3)
    await page.waitForTimeout(2500)
    await page.screenshot({ path: path.join(process.env.SCREENSHOTS, 'page.png'), fullPage: true })
    await page.setViewportSize({ width: 390, height: 800 })
    await page.screenshot({ path: path.join(process.env.SCREENSHOTS, 'page-narrow.png'), fullPage: true })
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.setViewportSize({ width: 1280, height: 900 })
    await page.screenshot({ path: path.join(process.env.SCREENSHOTS, 'page-dark.png') })
  }
  await page.setViewportSize({ width: 390, height: 800 })
  equal(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), true, 'it fits a narrow window')
  equal(page.complaints, [], 'complaints')
  await server.call('DELETE', `/v1/topics/${later}`)
  await waitFor('the topic to go', async () => !(await text('topics')).includes(later))
  equal(await server.stop(), 0)
  await waitFor('that it says so', async () => await page.locator('#about .bad').count() === 1)
  await server.again()
  await waitFor('it to go on', async () => await page.locator('#about .bad').count() === 0 && (await text('topics')).includes(topic))
})

cases.add('the page at / shows how many records and bytes come a second while they do, and none when they do not', async context => {
  const server = await Server.start(context)
  const topic = await server.topic('flowing')
  const page = await open(context, `${server.url}/`)
  const text = async id => (await page.locator(`#${id}`).innerText()).replace(/\s+/g, ' ')
  const rates = async () => {
    const row = (await text('topics')).match(/flowing-\S+ 1 [\d.,]+ ([\d.,]+) /)
    const facts = (await text('facts')).match(/^([\d.,]+) records\/s in ([\d.,]+) k?M?B \/s in ([\d.,]+) k?M?B \/s out/)
    return row && facts && [row[1], facts[1], facts[2]].map(number => Number(number.replaceAll(',', '')))
  }
  await waitFor('zeros', async () => (await rates())?.every(rate => rate === 0))
  let over = false
  const load = (async () => {
    while (!over) await server.publish(topic, range(50).map(i => `record ${i}`))
  })()
  context.onEnd(() => { over = true; return load })
  await waitFor('rates', async () => (await rates()).every(rate => rate > 0))
  over = true
  await load
  await waitFor('zeros again', async () => (await rates()).every(rate => rate === 0))
  equal(page.complaints, [], 'complaints')
})

cases.add('the page where there are users asks for one, and shows what that one may see', async context => {
  const server = await Server.start(context)
  const admin = { username: 'root', password: 'root' }
  const { spawnSync } = await import('node:child_process')
  const leat = (...words) => {
    const { LEAT_SERVER, ...env } = process.env
    const done = spawnSync(process.env.LEAT, words, { env: { ...env, LEAT_NEW_PASSWORD: 'root', LEAT_PASSWORD: 'root' }, encoding: 'utf8' })
    equal(done.status, 0, done.stdout + done.stderr)
  }
  const topic = await server.topic('secret')
  leat('user', 'add', 'root', '--admin', '--server', server.kafka)
  const page = await open(context, `${server.url}/`, { httpCredentials: admin })
  await waitFor('the topic', async () => (await page.locator('#topics').innerText()).includes(topic))
  // Without any, the browser asks for them and waits.
  const nobody = await open(context, `${server.url}/`, { httpCredentials: { username: 'nobody', password: 'wrong' } })
  await waitFor('that it says so', async () => await nobody.locator('#about .bad').count() === 1)
  equal((await nobody.locator('body').innerText()).includes(topic), false)
})

process.on('exit', () => browser?.close().catch(() => {}))
await cases.main()
