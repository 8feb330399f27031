// rate-limiter-flexible over ioredis and node-redis against a server: node rate_limiter_flexible.mjs ADDRESS
import Redis from 'ioredis'
import {
  BurstyRateLimiter, RLWrapperBlackAndWhite, RateLimiterMemory, RateLimiterQueue, RateLimiterRedis, RateLimiterRes, RateLimiterUnion
} from 'rate-limiter-flexible'
import { createClient } from 'redis'

import { Cases, equal, range, rejection, unique, waitFor } from './harness.mjs'
import { Relay, endpoint } from './resp_support.mjs'

const cases = new Cases('rate_limiter_flexible')

const drivers = {
  ioredis: async (context, address = context.address) => {
    const client = new Redis({ ...endpoint(address), enableOfflineQueue: false, maxRetriesPerRequest: 0, retryStrategy: () => 20, lazyConnect: true })
    client.on('error', () => {})
    context.onEnd(async () => client.disconnect())
    await client.connect()
    return { storeClient: client }
  },
  'node-redis': async context => {
    const client = createClient({ socket: endpoint(context.address), disableOfflineQueue: true })
    client.on('error', () => {})
    context.onEnd(async () => client.destroy())
    return { storeClient: await client.connect(), useRedisPackage: true }
  }
}

for (const [driver, open] of Object.entries(drivers)) {
  const limiter = async (context, options) => new RateLimiterRedis({ ...await open(context), keyPrefix: unique('limit'), ...options })

  cases.add(`${driver}: points are consumed until none are left, and come back with the window`, async context => {
    const limit = await limiter(context, { points: 5, duration: 1 })
    const results = []
    for (const _ of range(5)) results.push(await limit.consume('user')) // eslint-disable-line no-unused-vars
    equal(results.map(r => [r.remainingPoints, r.consumedPoints, r.isFirstInDuration]), range(5).map(i => [4 - i, i + 1, i === 0]))
    const refused = await rejection('the sixth', limit.consume('user'))
    equal([refused instanceof RateLimiterRes, refused.consumedPoints, refused.remainingPoints, refused.msBeforeNext > 0 && refused.msBeforeNext <= 1000],
      [true, 6, 0, true])
    equal((await limit.consume('another')).remainingPoints, 4)
    await waitFor('the next window', () => limit.consume('user').then(() => true, () => false))
    equal((await limit.consume('other', 3)).remainingPoints, 2)
  })

  cases.add(`${driver}: 40 requests at once, over three limiters, get exactly the points there are`, async context => {
    const keyPrefix = unique('limit')
    const limits = []
    for (const _ of range(3)) limits.push(await limiter(context, { points: 25, duration: 60, keyPrefix })) // eslint-disable-line no-unused-vars
    const results = await Promise.allSettled(range(40).map(i => limits[i % 3].consume('shared')))
    equal(results.filter(r => r.status === 'fulfilled').length, 25)
    equal((await limits[0].get('shared')).consumedPoints, 40)
  })

  cases.add(`${driver}: get, set, penalty, reward, block, delete`, async context => {
    const limit = await limiter(context, { points: 10, duration: 60, blockDuration: 120 })
    equal(await limit.get('k'), null)
    await limit.consume('k', 4)
    equal([(await limit.penalty('k', 3)).consumedPoints, (await limit.reward('k', 2)).consumedPoints], [7, 5])
    const state = await limit.get('k')
    equal([state.remainingPoints, state.msBeforeNext > 0 && state.msBeforeNext <= 60_000], [5, true])
    const blocked = await rejection('more than there is', limit.consume('k', 6))
    equal(blocked.msBeforeNext > 60_000, true, 'blocked for longer')
    await limit.block('b', 30)
    equal((await rejection('a blocked key', limit.consume('b'))).msBeforeNext > 0, true)
    equal([await limit.delete('b'), await limit.delete('b'), (await limit.consume('b')).remainingPoints], [true, false, 9])
    await limit.set('s', 9, 0)
    equal([(await limit.get('s')).remainingPoints, (await limit.get('s')).msBeforeNext], [1, -1])
  })

  cases.add(`${driver}: bursts, unions, lists of friends and foes, a queue`, async context => {
    const [steady, burst] = [await limiter(context, { points: 2, duration: 60 }), await limiter(context, { points: 3, duration: 120 })]
    const bursty = new BurstyRateLimiter(steady, burst)
    const taken = await Promise.allSettled(range(8).map(() => bursty.consume('k')))
    equal(taken.filter(r => r.status === 'fulfilled').length, 5, 'two, and a burst of three')
    const [minute, hour] = [await limiter(context, { points: 5, duration: 60, keyPrefix: unique('m') }),
      await limiter(context, { points: 3, duration: 3600, keyPrefix: unique('h') })]
    const union = new RateLimiterUnion(minute, hour)
    for (const _ of range(3)) await union.consume('k') // eslint-disable-line no-unused-vars
    equal(Object.keys(await rejection('the fourth', union.consume('k'))), [hour.keyPrefix])
    const lists = new RLWrapperBlackAndWhite({ limiter: await limiter(context, { points: 1, duration: 60 }), whiteList: ['friend'], blackList: ['foe'] })
    for (const _ of range(5)) await lists.consume('friend') // eslint-disable-line no-unused-vars
    await rejection('a foe', lists.consume('foe'))
    const queue = new RateLimiterQueue(await limiter(context, { points: 3, duration: 1 }), { maxQueueSize: 10 })
    const started = Date.now()
    await Promise.all(range(5).map(() => queue.removeTokens(1)))
    equal(Date.now() - started >= 400, true, 'the last two wait for the next window')
  })
}

cases.add('without the server: an insurance counts in memory, and without it the error is told', async context => {
  const relay = await Relay.open(context)
  const { storeClient } = await drivers.ioredis(context, relay.address)
  const options = { storeClient, points: 2, duration: 60, keyPrefix: unique('limit') }
  const insured = new RateLimiterRedis({ ...options, insuranceLimiter: new RateLimiterMemory({ points: 1, duration: 60 }) })
  const bare = new RateLimiterRedis(options)
  equal((await insured.consume('k')).remainingPoints, 1)
  await relay.cut()
  await waitFor('the end of the connection', () => storeClient.status !== 'ready')
  equal((await insured.consume('k')).remainingPoints, 0, 'the insurance')
  await rejection('more than the insurance', insured.consume('k'))
  equal((await rejection('no insurance', bare.consume('k'))) instanceof Error, true)
  await relay.again()
  await waitFor('the server', () => storeClient.status === 'ready')
  equal((await bare.consume('k')).remainingPoints, 0, 'the server has kept the first')
})

cases.add('what is blocked in memory asks the server no more', async context => {
  const { storeClient } = await drivers.ioredis(context)
  const limit = new RateLimiterRedis({
    storeClient, points: 1, duration: 60, keyPrefix: unique('limit'), inMemoryBlockOnConsumed: 2, inMemoryBlockDuration: 30
  })
  await limit.consume('k')
  await rejection('the second', limit.consume('k'))
  const consumed = (await limit.get('k')).consumedPoints
  for (const _ of range(5)) await rejection('another', limit.consume('k')) // eslint-disable-line no-unused-vars
  equal((await limit.get('k')).consumedPoints, consumed)
})

await cases.main()
