// What ioredis does for applications, the same for its versions.
import { createHash, randomBytes } from 'node:crypto'

import { Cases, equal, range, rejection, unique, waitFor } from './harness.mjs'
import { Relay, blocked, endpoint, sleep } from './resp_support.mjs'

const WRONG_TYPE = 'WRONGTYPE Operation against a key holding the wrong kind of value'

export function ioredisCases (suite, Redis) {
  const cases = new Cases(suite)

  function connect (context, options = {}, address = context.address) {
    const redis = new Redis({ ...endpoint(address), ...options })
    redis.on('error', () => {}) // cases that cut connections ask for the state
    context.onEnd(async () => redis.disconnect())
    return redis
  }

  cases.add('commands of every type', async context => {
    const redis = connect(context)
    const k = unique('types')
    equal([await redis.set(k, 'v', 'EX', 100), await redis.get(k), await redis.ttl(k) > 0, await redis.get(`${k}-none`)],
      ['OK', 'v', true, null])
    equal([await redis.set(k, 'w', 'NX'), await redis.set(k, 'w', 'XX', 'GET'), await redis.getdel(k)], [null, 'v', 'w'])
    equal([await redis.mset({ [`${k}1`]: 'a', [`${k}2`]: 'b' }), await redis.mget(`${k}1`, `${k}2`, `${k}3`)], ['OK', ['a', 'b', null]])
    equal([await redis.incrby(k, 5), await redis.incrbyfloat(k, 0.5), await redis.decr(`${k}n`)], [5, '5.5', -1])
    equal([await redis.hset(`${k}h`, { a: 1, b: 'x' }), await redis.hgetall(`${k}h`), await redis.hmget(`${k}h`, 'b', 'c')],
      [2, { a: '1', b: 'x' }, ['x', null]])
    equal([await redis.hset(`${k}h`, new Map([['c', 3]])), await redis.hlen(`${k}h`)], [1, 3])
    equal([await redis.rpush(`${k}l`, 'a', 'b', 'c'), await redis.lpop(`${k}l`), await redis.lrange(`${k}l`, 0, -1)], [3, 'a', ['b', 'c']])
    equal([await redis.sadd(`${k}s`, [1, 2, 2]), (await redis.smembers(`${k}s`)).sort(), await redis.sismember(`${k}s`, 3)],
      [2, ['1', '2'], 0])
    equal([await redis.zadd(`${k}z`, 1, 'one', 2.5, 'two'), await redis.zrange(`${k}z`, 0, -1, 'WITHSCORES'), await redis.zscore(`${k}z`, 'two')],
      [2, ['one', '1', 'two', '2.5'], '2.5'])
    equal([await redis.xadd(`${k}x`, '1-1', 'f', 'v'), await redis.xrange(`${k}x`, '-', '+'), await redis.xread('STREAMS', `${k}x`, '0')],
      ['1-1', [['1-1', ['f', 'v']]], [[`${k}x`, [['1-1', ['f', 'v']]]]]])
    equal([await redis.setbit(`${k}b`, 7, 1), await redis.bitcount(`${k}b`), await redis.pfadd(`${k}p`, 'a', 'b'), await redis.pfcount(`${k}p`)],
      [0, 1, 1, 2])
    equal([await redis.geoadd(`${k}g`, 13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania'),
      await redis.geodist(`${k}g`, 'Palermo', 'Catania', 'km')], [2, '166.2742'])
    equal([await redis.type(`${k}z`), await redis.exists(k, `${k}1`, `${k}none`), await redis.unlink(`${k}1`, `${k}2`)], ['zset', 2, 2])
    const large = randomBytes(5_000_000)
    equal([await redis.set(k, large), (await redis.getBuffer(k)).equals(large), await redis.strlen(k)], ['OK', true, large.length])
    equal((await redis.hgetallBuffer(`${k}h`)).a, Buffer.from('1'))
  })

  cases.add('errors are those of the server, with the command', async context => {
    const redis = connect(context)
    const k = unique('errors')
    await redis.rpush(k, 'x')
    const error = await rejection('GET of a list', redis.get(k))
    equal([error.name, error.message, error.command.name, error.command.args], ['ReplyError', WRONG_TYPE, 'get', [k]])
    equal((await rejection('no command', redis.call('NOSUCH', 'a'))).message,
      "ERR unknown command 'NOSUCH', with args beginning with: 'a' ")
    equal((await rejection('no number', redis.incrby(k, 'x'))).message, 'ERR value is not an integer or out of range')
  })

  cases.add('pipelines: 3,000 commands, errors beside results, nested arrays', async context => {
    const redis = connect(context)
    const k = unique('pipe')
    const pipeline = redis.pipeline()
    range(1000).forEach(i => pipeline.set(`${k}:${i}`, i).get(`${k}:${i}`).incr(`${k}:n`))
    const results = await pipeline.exec()
    equal(results, range(1000).flatMap(i => [[null, 'OK'], [null, `${i}`], [null, i + 1]]))
    const [ok, bad, after] = await redis.pipeline([['set', k, 'x'], ['lpush', k, 1], ['append', k, 'y']]).exec()
    equal([ok, bad[0].message, after], [[null, 'OK'], WRONG_TYPE, [null, 2]])
  })

  cases.add('autopipelining gathers what is asked for at once', async context => {
    const redis = connect(context, { enableAutoPipelining: true })
    const k = unique('auto')
    const results = await Promise.all(range(1500).map(i => i % 3 === 0 ? redis.set(`${k}:${i}`, i) : redis.incr(k)))
    equal([results.filter(r => r === 'OK').length, await redis.get(k), await redis.get(`${k}:999`)], [500, '1000', '999'])
    equal((await Promise.allSettled([redis.get(k), redis.lpush(k, 1), redis.get(k)])).map(r => r.status),
      ['fulfilled', 'rejected', 'fulfilled'])
  })

  cases.add('transactions: results, a queue that is refused, WATCH', async context => {
    const [redis, other] = [connect(context), connect(context)]
    const k = unique('multi')
    equal(await redis.multi().set(k, 1).incr(k).lpush(`${k}l`, 'a', 'b').lrange(`${k}l`, 0, -1).exec(),
      [[null, 'OK'], [null, 2], [null, 2], [null, ['b', 'a']]])
    const [, bad, last] = await redis.multi().set(k, 'x').lpush(k, 'y').append(k, 'z').exec()
    equal([bad[0].message, last], [WRONG_TYPE, [null, 2]])
    const refused = await rejection('a wrong number of arguments', redis.multi().set(k, 'never').get().exec())
    equal([refused.message, refused.previousErrors?.[0].message],
      ['EXECABORT Transaction discarded because of previous errors.', "ERR wrong number of arguments for 'get' command"])
    equal(await redis.get(k), 'xz')
    await redis.watch(k)
    await other.set(k, 'changed')
    equal(await redis.multi().set(k, 'lost').exec(), null)
    await redis.watch(k)
    equal([await redis.multi({ pipeline: false }), await redis.set(k, 'step'), await redis.get(k), await redis.exec()],
      ['OK', 'QUEUED', 'QUEUED', [[null, 'OK'], [null, 'step']]])
  })

  cases.add('defineCommand: scripts by name, in pipelines and transactions, after SCRIPT FLUSH, with buffers', async context => {
    const redis = connect(context, {
      scripts: { double: { lua: 'return redis.call("INCRBY", KEYS[1], redis.call("GET", KEYS[1]))', numberOfKeys: 1 } }
    })
    const k = unique('script')
    redis.defineCommand('takeAll', {
      lua: `local all = redis.call('LRANGE', KEYS[1], 0, -1)
            redis.call('DEL', KEYS[1])
            return {#all, all, ARGV[1]}`
    })
    await redis.set(k, 21)
    equal([await redis.double(k), await redis.double(k)], [42, 84])
    await redis.rpush(`${k}l`, 'a', 'b')
    equal(await redis.takeAll(1, `${k}l`, 'done'), [2, ['a', 'b'], 'done'])
    await redis.script('FLUSH')
    equal(await redis.double(k), 168, 'after a flush')
    await redis.script('FLUSH')
    equal(await redis.pipeline().double(k).double(k).takeAll(1, `${k}l`, 'x').exec(), [[null, 336], [null, 672], [null, [0, [], 'x']]])
    equal(await redis.multi().double(k).get(k).exec(), [[null, 1344], [null, '1344']])
    const bytes = randomBytes(100)
    equal((await redis.takeAllBuffer(1, `${k}l`, bytes))[2].equals(bytes), true, 'bytes')
    redis.defineCommand('fails', { lua: 'return redis.call("LPUSH", KEYS[1], 1)', numberOfKeys: 1 })
    equal((await rejection('a script', redis.fails(k))).message.startsWith(WRONG_TYPE), true)
    const lua = 'return ARGV[1]'
    equal([await redis.script('LOAD', lua), await redis.evalsha(createHash('sha1').update(lua).digest('hex'), 0, 'x')],
      [createHash('sha1').update(lua).digest('hex'), 'x'])
  })

  cases.add('keyPrefix is before every key, of scripts and results too', async context => {
    const [redis, plain] = [connect(context, { keyPrefix: 'prefix:' }), connect(context)]
    const k = unique('key')
    redis.defineCommand('put', { lua: 'return redis.call("SET", KEYS[1], ARGV[1])', numberOfKeys: 1 })
    await redis.mset(`${k}a`, 1, `${k}b`, 2)
    await redis.put(`${k}c`, 3)
    await redis.pipeline().sadd(`${k}s`, 'x').zunionstore(`${k}z`, 1, `${k}s`).exec()
    equal(await plain.mget(...['a', 'b', 'c'].map(x => `prefix:${k}${x}`)), ['1', '2', '3'])
    equal([await plain.exists(`prefix:${k}z`), await redis.del(`${k}a`), await plain.exists(`prefix:${k}a`)], [1, 1, 0])
  })

  cases.add('scan streams find all keys, fields and members', async context => {
    const redis = connect(context)
    const k = unique('scan')
    const pipeline = redis.pipeline()
    range(1500).forEach(i => pipeline.set(`${k}:${i}`, i).hset(`${k}h`, `f${i}`, i).sadd(`${k}s`, `m${i}`).zadd(`${k}z`, i, `z${i}`))
    await pipeline.exec()
    const all = async stream => {
      const found = new Set()
      for await (const chunk of stream) chunk.forEach(x => found.add(x))
      return found
    }
    equal((await all(redis.scanStream({ match: `${k}:*`, count: 100 }))).size, 1500)
    equal((await all(redis.scanStream({ match: `${k}*`, type: 'zset' }))), new Set([`${k}z`]))
    equal((await all(redis.hscanStream(`${k}h`, { match: 'f149?' }))).size, 20)
    equal((await all(redis.sscanStream(`${k}s`))), new Set(range(1500).map(i => `m${i}`)))
    equal((await all(redis.zscanStream(`${k}z`))).has('z1499'), true)
  })

  cases.add('pub/sub: channels, patterns, buffers, and the mode of a subscriber', async context => {
    const [subscriber, publisher] = [connect(context), connect(context)]
    const c = unique('channel')
    const heard = []
    subscriber.on('message', (channel, message) => heard.push(['message', channel, message]))
    subscriber.on('pmessage', (pattern, channel, message) => heard.push(['pmessage', pattern, channel, message]))
    let bytes
    subscriber.on('messageBuffer', (channel, message) => { bytes = message })
    equal([await subscriber.subscribe(c, `${c}2`), await subscriber.psubscribe(`${c}.*`)], [2, 3])
    equal([await publisher.publish(c, 'a'), await publisher.publish(`${c}.x`, 'b'), await publisher.publish(`${c}none`, 'c')], [1, 1, 0])
    await waitFor('two messages', () => heard.length === 2)
    equal(heard, [['message', c, 'a'], ['pmessage', `${c}.*`, `${c}.x`, 'b']])
    const binary = randomBytes(100_000)
    await publisher.publish(c, binary)
    await waitFor('bytes', () => bytes?.equals(binary))
    equal(await publisher.pubsub('NUMSUB', c, `${c}2`), [c, 1, `${c}2`, 1])
    equal([await subscriber.unsubscribe(c), await publisher.publish(c, 'nobody')], [2, 0])
    equal([await subscriber.unsubscribe(`${c}2`), await subscriber.punsubscribe()], [1, 0])
    equal([await subscriber.set(c, 'a command again'), await subscriber.get(c)], ['OK', 'a command again'])
  })

  cases.add('5,000 messages arrive in order while others are published', async context => {
    const [subscriber, publisher, other] = range(3).map(() => connect(context))
    const c = unique('channel')
    const heard = []
    subscriber.on('message', (channel, message) => { if (channel === c) heard.push(Number(message)) })
    await subscriber.subscribe(c, `${c}-noise`)
    await Promise.all(range(5000).flatMap(i => [publisher.publish(c, i), other.publish(`${c}-noise`, i)]))
    await waitFor('the messages', () => heard.length === 5000)
    equal(heard, range(5000))
  })

  cases.add('sharded pub/sub', async context => {
    const [subscriber, publisher] = [connect(context), connect(context)]
    const c = unique('shard')
    const heard = []
    subscriber.on('smessage', (channel, message) => heard.push([channel, message]))
    equal([await subscriber.ssubscribe(c), await publisher.spublish(c, 'a'), await publisher.publish(c, 'b')], [1, 1, 0])
    await waitFor('a message', () => heard.length === 1)
    equal([heard, await publisher.pubsub('SHARDNUMSUB', c)], [[[c, 'a']], [c, 1]])
  })

  cases.add('waiting pops and reads, of several clients, in their order', async context => {
    const redis = connect(context)
    const k = unique('wait')
    const list = () => redis.client('LIST')
    const results = []
    const waits = []
    for (const i of range(3)) {
      waits.push(connect(context).blpop(k, 30).then(found => results.push([i, found])))
      await blocked(list, 'blpop', i + 1)
    }
    await redis.rpush(k, 'a', 'b', 'c')
    await Promise.all(waits)
    equal(results.sort(), [[0, [k, 'a']], [1, [k, 'b']], [2, [k, 'c']]])
    const reader = connect(context)
    const read = reader.xread('BLOCK', 30000, 'STREAMS', `${k}x`, '$')
    await blocked(list, 'xread')
    await redis.xadd(`${k}x`, '5-1', 'f', 'v')
    equal(await read, [[`${k}x`, [['5-1', ['f', 'v']]]]])
    const pop = reader.bzpopmin(`${k}z`, 30)
    await blocked(list, 'bzpopmin')
    await redis.zadd(`${k}z`, 1, 'one')
    equal([await pop, await reader.blpop(k, 0.05), await reader.blmove(k, `${k}to`, 'LEFT', 'RIGHT', 0.05)],
      [[`${k}z`, 'one', '1'], null, null])
  })

  cases.add('a server that goes away: commands wait in the offline queue, connections and subscriptions come back', async context => {
    const relay = await Relay.open(context)
    const options = { retryStrategy: () => 20, maxRetriesPerRequest: null, db: 2, connectionName: unique('name') }
    const [redis, subscriber] = [connect(context, options, relay.address), connect(context, options, relay.address)]
    const direct = connect(context, { db: 2 })
    const k = unique('away')
    const heard = []
    subscriber.on('message', (_, message) => heard.push(message))
    await subscriber.subscribe(k)
    await redis.set(k, 'before')
    for (const round of range(3)) {
      await relay.cut()
      await waitFor('the end of the connection', () => redis.status !== 'ready' && subscriber.status !== 'ready')
      const queued = Promise.all(range(50).map(() => redis.incr(`${k}n`)))
      await relay.again()
      equal((await queued).at(-1), (round + 1) * 50, 'the queue')
      equal([await direct.get(`${k}n`), await redis.client('GETNAME')], [`${(round + 1) * 50}`, options.connectionName])
      await waitFor('the subscription', async () => await direct.publish(k, round) === 1)
      await waitFor('a message', () => heard.includes(`${round}`))
    }
  })

  cases.add('a waiting pop whose connection is lost is sent again, and loses nothing', async context => {
    const relay = await Relay.open(context)
    const worker = connect(context, { retryStrategy: () => 20, maxRetriesPerRequest: null }, relay.address)
    const redis = connect(context)
    const k = unique('away')
    const popped = worker.blpop(k, 60)
    await blocked(() => redis.client('LIST'), 'blpop')
    const [identity] = (await redis.client('LIST')).split('\n').filter(l => l.includes('cmd=blpop')).map(l => l.match(/id=(\d+)/)[1])
    relay.drop()
    await waitFor('the server to notice', async () => !(await redis.client('LIST', 'ID', identity)).includes(`id=${identity} `))
    await redis.rpush(k, 'kept')
    equal(await popped, [k, 'kept'])
  })

  cases.add('without an offline queue, and beyond the retries, commands are refused by the client', async context => {
    const relay = await Relay.open(context)
    const eager = connect(context, { enableOfflineQueue: false, retryStrategy: () => 20, lazyConnect: true }, relay.address)
    await eager.connect()
    const patient = connect(context, { maxRetriesPerRequest: 1, retryStrategy: () => 20 }, relay.address)
    equal([await eager.ping(), await patient.ping()], ['PONG', 'PONG'])
    await relay.cut()
    await waitFor('the end of the connection', () => eager.status !== 'ready' && patient.status !== 'ready')
    equal((await rejection('a command', eager.ping())).message, "Stream isn't writeable and enableOfflineQueue options is false")
    equal((await rejection('a command', patient.ping())).name, 'MaxRetriesPerRequestError')
  })

  cases.add('duplicate, quit, commandTimeout, monitor', async context => {
    const redis = connect(context, { commandTimeout: 200 })
    const k = unique('misc')
    equal((await rejection('a slow command', redis.blpop(k, 30))).message, 'Command timed out')
    const copy = redis.duplicate({ commandTimeout: undefined })
    equal([await copy.ping(), await copy.quit()], ['PONG', 'OK'])
    const other = connect(context)
    const monitor = await other.monitor()
    const seen = []
    monitor.on('monitor', (time, args, source, database) => seen.push([args, database]))
    const writer = connect(context)
    await waitFor('the monitored command', async () => {
      await writer.set(k, 'x y')
      await sleep(10)
      return seen.some(([args, database]) => args.join('|') === `set|${k}|x y` && database === '0')
    })
    await monitor.disconnect()
  })

  cases.add('a stream as a job queue: groups, acknowledgement, XAUTOCLAIM', async context => {
    const redis = connect(context)
    const k = unique('group')
    await redis.xgroup('CREATE', k, 'g', '0', 'MKSTREAM')
    await redis.pipeline(range(200).map(i => ['xadd', k, '*', 'n', i])).exec()
    const done = []
    await Promise.all(range(4).map(async i => {
      const mine = connect(context)
      for (;;) {
        const found = await mine.xreadgroup('GROUP', 'g', `c${i}`, 'COUNT', 7, 'BLOCK', 100, 'STREAMS', k, '>')
        if (!found) return
        for (const [id, fields] of found[0][1]) {
          if (fields[1] % 10 === 0) continue // it "dies" with this one
          done.push(Number(fields[1]))
          equal(await mine.xack(k, 'g', id), 1)
        }
      }
    }))
    equal([done.length, (await redis.xpending(k, 'g'))[0]], [180, 20])
    const [next, claimed] = await redis.xautoclaim(k, 'g', 'heir', 0, '0-0', 'COUNT', 100)
    equal([next, claimed.map(([, fields]) => Number(fields[1])).sort((a, b) => a - b)], ['0-0', range(20).map(i => i * 10)])
  })

  return cases
}
