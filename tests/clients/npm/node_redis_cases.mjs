// What node-redis does for applications, in RESP2 and in RESP3, the same for its versions.
import { randomBytes } from 'node:crypto'

import { Cases, equal, range, rejection, unique, waitFor } from './harness.mjs'
import { Relay, blocked, endpoint } from './resp_support.mjs'

const WRONG_TYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value'

export function nodeRedisCases (suite, library) {
  const { createClient, createClientPool, defineScript, RESP_TYPES, WatchError } = library
  const cases = new Cases(suite)
  const plain = object => ({ ...object }) // without the null prototype of replies

  // [stream, [id, fields]…] of what XREADGROUP returned; version 5 does not transform it in RESP3.
  const delivered = reply => Array.isArray(reply)
    ? reply.map(({ name, messages }) => [name, messages.map(({ id, message }) => [id, plain(message)])])
    : Object.entries(reply).map(([name, messages]) => [name, messages.map(([id, [f, v, g, w]]) => [id, { [f]: v, [g]: w }])])

  async function open (context, options = {}, address = context.address) {
    const client = createClient({ unstableResp3: true, ...options, socket: { ...endpoint(address), reconnectStrategy: () => 20 } })
    client.on('error', () => {}) // cases that cut connections ask for the state
    context.onEnd(async () => { if (client.isOpen) client.destroy() })
    return client.connect()
  }

  async function openPool (context, clientOptions, options) {
    const pool = createClientPool({ ...clientOptions, socket: endpoint(context.address) }, options)
    pool.on('error', () => {})
    context.onEnd(async () => { if (pool.isOpen) await pool.close() })
    return pool.connect()
  }

  for (const RESP of [2, 3]) {
    cases.add(`RESP${RESP}: commands of every type`, context => types(context, RESP))
    cases.add(`RESP${RESP}: sorted sets, streams and geo have numbers and objects`, context => structures(context, RESP))
    cases.add(`RESP${RESP}: pub/sub with strings and buffers, and commands beside it`, context => pubsub(context, RESP))
    cases.add(`RESP${RESP}: transactions, WATCH and errors`, context => transactions(context, RESP))
    cases.add(`RESP${RESP}: scripts and functions`, context => scripts(context, RESP))
    cases.add(`RESP${RESP}: connections that are lost come back, with their database, name and subscriptions`,
      context => reconnects(context, RESP))
  }

  async function types (context, RESP) {
    const redis = await open(context, { RESP })
    const k = unique('types')
    equal([await redis.set(k, 'v', { EX: 100 }), await redis.get(k), await redis.ttl(k) > 0, await redis.get(`${k}-none`)],
      ['OK', 'v', true, null])
    equal([await redis.set(k, 'w', { NX: true }), await redis.set(k, 'w', { XX: true, GET: true }), await redis.getDel(k)], [null, 'v', 'w'])
    equal([await redis.mSet({ [`${k}1`]: 'a', [`${k}2`]: 'b' }), await redis.mGet([`${k}1`, `${k}2`, `${k}3`])], ['OK', ['a', 'b', null]])
    equal([await redis.incrBy(k, 5), Number(await redis.incrByFloat(k, 0.5)), await redis.decr(`${k}n`)], [5, 5.5, -1])
    equal([await redis.hSet(`${k}h`, { a: 1, b: 'x' }), plain(await redis.hGetAll(`${k}h`)), await redis.hmGet(`${k}h`, ['b', 'c'])],
      [2, { a: '1', b: 'x' }, ['x', null]])
    equal([await redis.hIncrBy(`${k}h`, 'a', 41), await redis.hExists(`${k}h`, 'z'), (await redis.hKeys(`${k}h`)).sort()], [42, 0, ['a', 'b']])
    equal([await redis.rPush(`${k}l`, ['a', 'b', 'c']), await redis.lPop(`${k}l`), await redis.lRange(`${k}l`, 0, -1), await redis.lPos(`${k}l`, 'c')],
      [3, 'a', ['b', 'c'], 1])
    equal([await redis.sAdd(`${k}s`, ['1', '2', '2']), (await redis.sMembers(`${k}s`)).sort(), await redis.sIsMember(`${k}s`, '3')],
      [2, ['1', '2'], 0])
    equal([await redis.sAdd(`${k}t`, ['2', '3']), await redis.sInter([`${k}s`, `${k}t`]), await redis.sDiffStore(`${k}u`, [`${k}s`, `${k}t`])],
      [2, ['2'], 1])
    equal([await redis.setBit(`${k}b`, 7, 1), await redis.bitCount(`${k}b`), await redis.pfAdd(`${k}p`, ['a', 'b']), await redis.pfCount(`${k}p`)],
      [0, 1, 1, 2])
    equal([await redis.type(`${k}s`), await redis.exists([k, `${k}1`, `${k}none`]), await redis.unlink([`${k}1`, `${k}2`])], ['set', 2, 2])
    const buffers = redis.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
    const large = randomBytes(3_000_000)
    equal([await redis.set(k, large), (await buffers.get(k)).equals(large), await redis.strLen(k)], ['OK', true, large.length])
    const dump = await buffers.dump(`${k}s`)
    equal([await redis.restore(`${k}copy`, 0, dump), (await redis.sMembers(`${k}copy`)).sort()], ['OK', ['1', '2']])
    await redis.mSet(range(500).map(i => [`${k}:scan:${i}`, `${i}`]))
    const found = new Set()
    for await (const keys of redis.scanIterator({ MATCH: `${k}:scan:*`, COUNT: 50 })) [keys].flat().forEach(key => found.add(key))
    equal(found.size, 500)
    const fields = {}
    for await (const entries of redis.hScanIterator(`${k}h`)) [entries].flat().forEach(({ field, value }) => { fields[field] = value })
    equal(fields, { a: '42', b: 'x' })
    equal((await redis.sendCommand(['CLIENT', 'INFO'])).includes(` resp=${RESP}`), true, 'the protocol')
  }

  async function structures (context, RESP) {
    const redis = await open(context, { RESP })
    const k = unique('struct')
    equal(await redis.zAdd(`${k}z`, [{ score: 1, value: 'one' }, { score: 2.5, value: 'two' }, { score: Infinity, value: 'last' }]), 3)
    equal((await redis.zRangeWithScores(`${k}z`, 0, -1)).map(plain),
      [{ value: 'one', score: 1 }, { value: 'two', score: 2.5 }, { value: 'last', score: Infinity }])
    equal([await redis.zScore(`${k}z`, 'two'), await redis.zmScore(`${k}z`, ['one', 'none']), await redis.zIncrBy(`${k}z`, 0.25, 'one'),
      plain(await redis.zPopMin(`${k}z`)), await redis.zRank(`${k}z`, 'last'), await redis.zScore(`${k}z`, 'none')],
    [2.5, [1, null], 1.25, { value: 'one', score: 1.25 }, 1, null])
    equal(await redis.zRangeByScore(`${k}z`, '(1', '+inf', { LIMIT: { offset: 0, count: 1 } }), ['two'])
    const id = await redis.xAdd(`${k}x`, '*', { a: '1', b: '2' })
    equal((await redis.xRange(`${k}x`, '-', '+')).map(e => [e.id, plain(e.message)]), [[id, { a: '1', b: '2' }]])
    equal(await redis.xGroupCreate(`${k}x`, 'g', '0'), 'OK')
    equal(delivered(await redis.xReadGroup('g', 'ann', { key: `${k}x`, id: '>' }, { COUNT: 10 })),
      [[`${k}x`, [[id, { a: '1', b: '2' }]]]])
    const pending = await redis.xPending(`${k}x`, 'g')
    equal([pending.pending, pending.firstId, pending.consumers.map(plain)], [1, id, [{ name: 'ann', deliveriesCounter: 1 }]])
    const [group] = await redis.xInfoGroups(`${k}x`)
    equal([group.name, group.pending, group['last-delivered-id']], ['g', 1, id])
    const claimed = await redis.xAutoClaim(`${k}x`, 'g', 'bob', 0, '0-0')
    equal([claimed.nextId, claimed.messages.map(m => m.id), claimed.deletedMessages], ['0-0', [id], []])
    equal([await redis.xAck(`${k}x`, 'g', id), await redis.xRead({ key: `${k}x`, id: '$' }), (await redis.xInfoStream(`${k}x`)).length], [1, null, 1])
    await redis.geoAdd(`${k}g`, [{ longitude: 13.361389, latitude: 38.115556, member: 'Palermo' },
      { longitude: 15.087269, latitude: 37.502669, member: 'Catania' }])
    equal([await redis.geoDist(`${k}g`, 'Palermo', 'Catania', 'km'),
      await redis.geoSearch(`${k}g`, { longitude: 15, latitude: 37 }, { radius: 200, unit: 'km' }, { SORT: 'ASC' })],
    [166.2742, ['Catania', 'Palermo']])
    const [position, none] = await redis.geoPos(`${k}g`, ['Palermo', 'none'])
    equal([Number(position.longitude).toFixed(4), none], ['13.3614', null])
    equal([plain(await redis.configGet('maxmemory-policy')), (await redis.commandInfo(['get']))[0].arity], [{ 'maxmemory-policy': 'noeviction' }, 2])
    equal([(await redis.memoryUsage(`${k}x`)) > 0, (await redis.role()).role], [true, 'master'])
  }

  async function pubsub (context, RESP) {
    const [subscriber, publisher] = [await open(context, { RESP }), await open(context, { RESP })]
    const c = unique('channel')
    const heard = []
    const bytes = []
    await subscriber.subscribe(c, (message, channel) => heard.push([channel, message]))
    await subscriber.subscribe(c, message => bytes.push(message), true)
    await subscriber.pSubscribe(`${c}.*`, (message, channel) => heard.push([channel, message]))
    await subscriber.sSubscribe(`${c}-shard`, (message, channel) => heard.push([channel, message]))
    equal([await publisher.publish(c, 'a'), await publisher.publish(`${c}.x`, 'b'), await publisher.sPublish(`${c}-shard`, 'c')], [1, 1, 1])
    await waitFor('three messages', () => heard.length === 3)
    equal(heard, [[c, 'a'], [`${c}.x`, 'b'], [`${c}-shard`, 'c']])
    const binary = randomBytes(200_000)
    await publisher.publish(c, binary)
    await waitFor('bytes', () => bytes.length === 2)
    equal([Buffer.isBuffer(bytes[0]), bytes[1].equals(binary)], [true, true])
    equal([plain(await publisher.pubSubNumSub([c])), (await publisher.pubSubChannels(`${c}*`))], [{ [c]: 1 }, [c]])
    if (RESP === 3) equal([await subscriber.set(c, 'beside'), await subscriber.get(c)], ['OK', 'beside'])
    await subscriber.unsubscribe(c)
    await subscriber.pUnsubscribe()
    await subscriber.sUnsubscribe()
    equal([await publisher.publish(c, 'x'), await publisher.publish(`${c}.x`, 'x'), `${await subscriber.set(c, 'after')}`], [0, 0, 'OK'])
    heard.length = 0
    await subscriber.subscribe(c, message => heard.push(Number(message)))
    await Promise.all(range(3000).map(i => publisher.publish(c, `${i}`)))
    await waitFor('3,000 messages', () => heard.length === 3000)
    equal(heard, range(3000))
  }

  async function transactions (context, RESP) {
    const [redis, other] = [await open(context, { RESP }), await open(context, { RESP })]
    const k = unique('multi')
    equal(await redis.multi().set(k, '1').incr(k).zAdd(`${k}z`, { score: 1, value: 'm' }).zScore(`${k}z`, 'm').exec(), ['OK', 2, 1, 1])
    await redis.watch(k)
    await other.set(k, 'changed')
    equal(await rejection('a transaction', redis.multi().set(k, 'lost').exec()) instanceof WatchError, true)
    await redis.watch(k)
    await redis.unwatch()
    await other.set(k, 'again')
    equal(await redis.multi().get(k).exec(), ['again'])
    const error = await rejection('LPUSH on a string', redis.multi().set(k, 'x').lPush(k, 'y').append(k, 'z').exec())
    equal([error.message, error.replies.length, error.errorIndexes, error.replies[1].message],
      ['1 commands failed, see .replies and .errorIndexes for more information', 3, [1], WRONG_TYPE])
    equal(await redis.get(k), 'xz', 'the others are done')
    equal((await rejection('a wrong one', redis.multi().set(k, 'never').addCommand(['GET']).exec())).message,
      "ERR wrong number of arguments for 'get' command")
    equal([await redis.get(k), await redis.multi().set(k, 'p').append(k, 'q').execAsPipeline()], ['xz', ['OK', 2]])
    equal((await rejection('GET of a sorted set', redis.get(`${k}z`))).message, WRONG_TYPE)
    const all = await Promise.all(range(2000).map(i => i % 2 ? redis.incr(`${k}n`) : redis.set(`${k}:${i}`, `${i}`)))
    equal([all.at(-1), await redis.get(`${k}:1998`)], [1000, '1998'])
    await Promise.all(range(6).map(async () => { // optimistic increments
      const mine = await open(context, { RESP })
      for (let done = 0; done < 15;) {
        await mine.watch(`${k}c`)
        const value = Number(await mine.get(`${k}c`) ?? 0)
        await mine.multi().set(`${k}c`, `${value + 1}`).exec().then(() => done++, e => { if (!(e instanceof WatchError)) throw e })
      }
    }))
    equal(await redis.get(`${k}c`), '90')
  }

  async function scripts (context, RESP) {
    const k = unique('script')
    const name = k.replace('-', '_')
    const redis = await open(context, {
      RESP,
      scripts: {
        double: defineScript({
          NUMBER_OF_KEYS: 1,
          SCRIPT: 'return redis.call("INCRBY", KEYS[1], redis.call("GET", KEYS[1]))',
          parseCommand (parser, key) { parser.pushKey(key) },
          transformReply: reply => reply
        })
      },
      functions: {
        [name]: {
          [`put_${name}`]: {
            NUMBER_OF_KEYS: 1,
            parseCommand (parser, key, value) { parser.pushKey(key); parser.push(value) },
            transformReply: reply => reply
          }
        }
      }
    })
    await redis.set(k, '21')
    equal([await redis.double(k), await redis.double(k)], [42, 84])
    await redis.scriptFlush()
    equal([await redis.double(k), await redis.multi().double(k).get(k).exec()], [168, [336, '336']])
    const code = `#!lua name=${name}
      redis.register_function('put_${name}', function(keys, args) return redis.call('SET', keys[1], args[1]) end)`
    equal([await redis.functionLoad(code, { REPLACE: true }), await redis[name][`put_${name}`](k, 'from a function'), await redis.get(k)],
      [name, 'OK', 'from a function'])
    const [listed] = await redis.functionList({ LIBRARYNAME: name })
    equal([listed.library_name, listed.engine, listed.functions[0].name], [name, 'LUA', `put_${name}`])
    equal([await redis.functionDelete(name), (await rejection('a call', redis.fCall(`put_${name}`, { keys: [k], arguments: ['x'] }))).message],
      ['OK', 'ERR Function not found'])
    equal(await redis.eval('return {1, ARGV[1], {KEYS[1], false}}', { keys: ['a'], arguments: ['b'] }), [1, 'b', ['a', null]])
    if (RESP === 3) {
      const lua = async (code, options) => await redis.eval(`redis.setresp(3); return ${code}`, options)
      equal([await lua('{double = 1.5}'), plain(await lua('{map = {a = true}}')), await lua('{set = {a = true}}')], [1.5, { a: true }, ['a']])
      await redis.hSet(`${k}h`, 'f', 'v')
      equal(plain(await lua('redis.call("HGETALL", KEYS[1])', { keys: [`${k}h`] })), { f: 'v' })
    }
  }

  async function reconnects (context, RESP) {
    const relay = await Relay.open(context)
    const k = unique('away')
    const options = { RESP, database: 2, name: k }
    const [redis, subscriber] = [await open(context, options, relay.address), await open(context, options, relay.address)]
    const direct = await open(context, { database: 2 })
    const heard = []
    await subscriber.subscribe(k, message => heard.push(message))
    for (const round of range(2)) {
      await relay.cut()
      await waitFor('the end of the connection', () => !redis.isReady && !subscriber.isReady)
      const queued = Promise.all(range(50).map(() => redis.incr(`${k}n`)))
      await relay.again()
      equal([(await queued).at(-1), await direct.get(`${k}n`), await redis.clientGetName()], [(round + 1) * 50, `${(round + 1) * 50}`, k])
      await waitFor('the subscription', async () => await direct.publish(k, `${round}`) === 1)
      await waitFor('a message', () => heard.includes(`${round}`))
    }
    await redis.watch(`${k}w`)
    await relay.drop()
    await waitFor('another connection', async () => await redis.ping().catch(() => false))
    equal(await rejection('a transaction', redis.multi().set(`${k}w`, 'x').exec()) instanceof WatchError, true, 'a watch ends with its connection')
  }

  cases.add('client-side caching: hits without the server, until somebody writes', async context => {
    const [cached, writer] = [await open(context, { RESP: 3, clientSideCache: { ttl: 0, maxEntries: 100, evictPolicy: 'LRU' } }), await open(context)]
    const k = unique('cached')
    const gets = async () => Number(/cmdstat_get:calls=(\d+)/.exec(await writer.info('commandstats'))?.[1] ?? 0)
    await writer.mSet([[k, 'one'], [`${k}h`, 'x']])
    equal([await cached.get(k), await cached.get(`${k}none`)], ['one', null])
    const before = await gets()
    for (const _ of range(20)) equal([await cached.get(k), await cached.get(`${k}none`)], ['one', null]) // eslint-disable-line no-unused-vars
    equal(await gets(), before, 'GETs that reached the server')
    for (const value of ['two', 'three']) {
      await writer.set(k, value)
      await waitFor('the invalidation', async () => await cached.get(k) === value)
    }
    await writer.del(k)
    await waitFor('the deletion', async () => await cached.get(k) === null)
    await writer.set(`${k}none`, 'there now', { PX: 50 })
    await waitFor('the new key', async () => await cached.get(`${k}none`) === 'there now' || (await writer.exists(`${k}none`)) === 0)
    await waitFor('its expiry', async () => await cached.get(`${k}none`) === null)
  })

  cases.add('a pool: waiting commands of eight clients at once, transactions of one client, statistics of use', async context => {
    const pool = await openPool(context, {}, { minimum: 1, maximum: 8 })
    const redis = await open(context)
    const k = unique('pool')
    const waits = range(6).map(() => pool.blPop(k, 30))
    await blocked(() => redis.sendCommand(['CLIENT', 'LIST']), 'blpop', 6)
    await redis.rPush(k, range(6).map(String))
    const elements = (await Promise.all(waits)).map(w => [w.key, w.element])
    equal(elements.sort(), range(6).map(i => [k, `${i}`]))
    await Promise.all(range(40).map(() => pool.execute(async client => {
      for (;;) {
        await client.watch(`${k}n`)
        const value = Number(await client.get(`${k}n`) ?? 0)
        try {
          return await client.multi().set(`${k}n`, `${value + 1}`).exec()
        } catch (error) {
          if (!(error instanceof WatchError)) throw error
        }
      }
    })))
    equal([await pool.get(`${k}n`), pool.totalClients <= 8, (await pool.multi().incr(`${k}n`).exec())], ['40', true, [41]])
  })

  cases.add('the legacy interface of callbacks, aborted commands, command options', async context => {
    const redis = await open(context)
    const legacy = redis.legacy()
    const k = unique('legacy')
    equal(await new Promise((resolve, reject) => legacy.set(k, 'v', 'EX', 100, (error, reply) => error ? reject(error) : resolve(reply))), 'OK')
    equal(await new Promise(resolve => legacy.sendCommand(['LPUSH', k, 'x'], error => resolve(error.message))), WRONG_TYPE)
    const other = await open(context)
    const abort = new AbortController()
    const aborted = other.withAbortSignal(abort.signal).get(k)
    abort.abort()
    equal((await rejection('an aborted command', aborted)).constructor.name, 'AbortError')
    equal([await other.get(k), Buffer.isBuffer(await other.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer }).get(k))], ['v', true])
  })

  return cases
}
