// connect-redis with express-session against a server: node connect_redis.mjs ADDRESS
import { once } from 'node:events'

import { RedisStore } from 'connect-redis'
import express from 'express'
import session from 'express-session'
import { createClient } from 'redis'

import { Cases, equal, range, unique, waitFor } from './harness.mjs'
import { endpoint, sleep } from './resp_support.mjs'

const cases = new Cases('connect_redis')

async function connect (context) {
  const client = createClient({ socket: endpoint(context.address) })
  client.on('error', () => {})
  context.onEnd(async () => client.destroy())
  return client.connect()
}

async function open (context, options = {}) {
  const client = await connect(context)
  const prefix = `${unique('sess')}:`
  return { client, prefix, store: new RedisStore({ client, prefix, ...options }) }
}

// An application that counts visits; returns browser(): one with cookies of its own.
async function serve (context, store, cookie = {}) {
  const app = express()
  app.use(session({ store, secret: 'only for tests', resave: false, saveUninitialized: false, cookie: { maxAge: 60_000, ...cookie } }))
  app.get('/visit', (request, response) => {
    request.session.visits = (request.session.visits ?? 0) + 1
    response.json({ id: request.sessionID, visits: request.session.visits })
  })
  app.get('/look', (request, response) => response.json({ visits: request.session.visits ?? 0 }))
  app.get('/login', (request, response, next) => request.session.regenerate(error => {
    if (error) return next(error)
    request.session.user = request.query.name
    response.json({ id: request.sessionID })
  }))
  app.get('/logout', (request, response, next) => request.session.destroy(error => error ? next(error) : response.json({ out: true })))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  context.onEnd(() => new Promise(resolve => { server.close(resolve); server.closeAllConnections() }))
  return () => {
    let jar = ''
    return async path => {
      const answer = await fetch(`http://127.0.0.1:${server.address().port}${path}`, { headers: { cookie: jar } })
      const set = answer.headers.get('set-cookie')
      if (set) jar = set.split(';')[0]
      equal(answer.status, 200, path)
      return answer.json()
    }
  }
}

cases.add('the store: set, get, touch, destroy, ids, all, length, clear', async context => {
  const { client, prefix, store } = await open(context)
  const expires = new Date(Date.now() + 100_000).toISOString()
  equal(await store.get('none'), null)
  await store.set('a', { cookie: { expires }, name: 'ü', list: [1, null] })
  equal(await store.get('a'), { cookie: { expires }, name: 'ü', list: [1, null] })
  equal(await client.ttl(`${prefix}a`) > 90, true, 'its time is the cookie\'s')
  await store.set('b', { cookie: {} })
  equal(await client.ttl(`${prefix}b`) > 86_000, true, 'a day')
  await store.touch('a', { cookie: { expires: new Date(Date.now() + 1_000_000).toISOString() } })
  equal(await client.ttl(`${prefix}a`) > 900, true, 'its time after a touch')
  for (const i of range(150)) await store.set(`many-${i}`, { cookie: {}, i })
  equal([await store.length(), (await store.ids()).length, (await store.all()).length], [152, 152, 152])
  equal([(await store.ids()).includes('many-149'), (await store.all()).find(s => s.id === 'many-7').i], [true, 7])
  await store.destroy('a')
  equal([await store.get('a'), await store.length()], [null, 151])
  await store.clear()
  equal([await store.length(), await client.exists(`${prefix}b`)], [0, 0])
})

cases.add('the store: callbacks, own times and serializers, sessions that are over', async context => {
  const { client, prefix, store } = await open(context, {
    ttl: ({ hours }) => hours * 3600, serializer: { stringify: value => `own:${JSON.stringify(value)}`, parse: text => JSON.parse(text.slice(4)) }
  })
  const call = (name, ...values) => new Promise((resolve, reject) => store[name](...values, (error, data) => error ? reject(error) : resolve(data)))
  await call('set', 'a', { cookie: {}, hours: 2 })
  equal([await call('get', 'a'), (await client.get(`${prefix}a`)).slice(0, 5)], [{ cookie: {}, hours: 2 }, 'own:{'])
  equal(await client.ttl(`${prefix}a`) > 7000, true)
  await call('set', 'a', { cookie: {}, hours: -1 })
  equal(await call('get', 'a'), null, 'a session whose time is over is removed')
})

cases.add('express: sessions of many browsers, over two servers that share the store', async context => {
  const { client, prefix, store } = await open(context)
  const here = await serve(context, store)
  const there = await serve(context, new RedisStore({ client: await connect(context), prefix }))
  const browsers = range(20).map(here)
  for (const round of range(3)) {
    const visits = await Promise.all(browsers.map(browser => browser('/visit')))
    equal(visits.map(v => v.visits), range(20).map(() => round + 1))
  }
  equal(await store.length(), 20)
  const browser = here()
  const { id } = await browser('/visit')
  equal(JSON.parse(await client.get(prefix + id)).visits, 1)
  const same = there()
  equal((await same('/visit')).visits, 1, 'another browser at the other server')
  equal((await browser('/visit')).visits, 2)
})

cases.add('express: a login changes the id, a logout removes the session', async context => {
  const { client, prefix, store } = await open(context)
  const browser = (await serve(context, store))()
  const before = (await browser('/visit')).id
  const after = (await browser('/login?name=ann')).id
  equal([before !== after, await client.exists(prefix + before), JSON.parse(await client.get(prefix + after)).user], [true, 0, 'ann'])
  await browser('/logout')
  equal([await client.exists(prefix + after), (await browser('/look')).visits], [0, 0])
})

cases.add('express: a session ends with its time, and a request that only looks prolongs it', async context => {
  const { client, prefix, store } = await open(context)
  const browser = (await serve(context, store, { maxAge: 3000 }))()
  const { id } = await browser('/visit')
  await sleep(1100)
  const before = await client.pTTL(prefix + id)
  await browser('/look')
  equal(await client.pTTL(prefix + id) > before, true, 'a longer time')
  await client.pExpire(prefix + id, 20)
  await waitFor('its end', async () => await client.exists(prefix + id) === 0)
  equal((await browser('/look')).visits, 0)
})

await cases.main()
