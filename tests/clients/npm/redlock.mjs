// redlock 4 and 5 against a server, whose databases play the parts of independent ones: node redlock.mjs ADDRESS
import { randomBytes } from 'node:crypto'

import Redis from 'ioredis'
import Redlock4 from 'redlock'
import Redlock5, { ExecutionError } from 'redlock5'

import { Cases, equal, range, rejection, unique, waitFor } from './harness.mjs'
import { Relay, endpoint, sleep } from './resp_support.mjs'

const cases = new Cases('redlock')

function connect (context, options = {}, address = context.address) {
  const redis = new Redis({ ...endpoint(address), ...options })
  redis.on('error', () => {})
  context.onEnd(async () => redis.disconnect())
  return redis
}

// The two versions in the words of the second.
const versions = {
  4: (clients, settings) => {
    const redlock = new Redlock4(clients, settings)
    redlock.on('clientError', () => {})
    const wrap = lock => ({ release: () => redlock.unlock(lock), extend: async ttl => wrap(await lock.extend(ttl)), value: lock.value })
    return { acquire: async (resources, ttl) => wrap(await redlock.lock(resources, ttl)), refused: Redlock4.LockError }
  },
  5: (clients, settings) => {
    const redlock = new Redlock5(clients, settings)
    redlock.on('error', () => {})
    return { acquire: (resources, ttl) => redlock.acquire(resources, ttl), refused: ExecutionError, using: redlock.using.bind(redlock) }
  }
}

for (const [version, create] of Object.entries(versions)) {
  cases.add(`redlock ${version}: one holder at a time; released, extended, expired locks`, async context => {
    const redis = connect(context)
    const redlock = create([redis], { retryCount: 0 })
    const [name, other] = [unique('lock'), unique('lock')]
    const lock = await redlock.acquire([name], 30_000)
    equal([await redis.get(name), await redis.pttl(name) > 0], [lock.value, true])
    equal((await rejection('a second holder', redlock.acquire([name], 1000))) instanceof redlock.refused, true)
    const extended = await lock.extend(300_000)
    equal(await redis.pttl(name) > 30_000, true, 'the extended time')
    await extended.release()
    equal(await redis.exists(name), 0)
    await (await redlock.acquire([name], 1000)).release()
    await redlock.acquire([other], 30)
    const patient = create([redis], { retryCount: 1000, retryDelay: 10 })
    const second = await patient.acquire([other], 30_000)
    equal(await redis.get(other), second.value, 'after the first one expired')
    await second.release()
    const next = await redlock.acquire([other], 30_000)
    await redis.set(other, 'stolen')
    equal((await rejection('an extension of a lost lock', next.extend(1000))) instanceof redlock.refused, true)
    await next.release().catch(() => {})
    equal(await redis.get(other), 'stolen', 'what another holds is not released')
  })

  cases.add(`redlock ${version}: several resources, all or none`, async context => {
    const redis = connect(context)
    const redlock = create([redis], { retryCount: 0 })
    const names = range(3).map(() => unique('lock'))
    const lock = await redlock.acquire(names, 30_000)
    equal(await redis.mget(names), range(3).map(() => lock.value))
    const fresh = unique('lock')
    await rejection('one that is taken', redlock.acquire([fresh, names[1]], 1000))
    equal(await redis.exists(fresh), 0, 'nothing of what was refused is held')
    await lock.release()
    equal(await redis.exists(...names), 0)
  })

  cases.add(`redlock ${version}: twelve contenders count one by one`, async context => {
    const redis = connect(context)
    const name = unique('lock')
    const settings = { retryCount: 2000, retryDelay: 3, retryJitter: 3 }
    let [inside, most] = [0, 0]
    await Promise.all(range(12).map(async () => {
      const redlock = create([connect(context)], settings)
      for (const _ of range(5)) { // eslint-disable-line no-unused-vars
        const lock = await redlock.acquire([name], 30_000)
        most = Math.max(most, ++inside)
        await redis.set(`${name}n`, Number(await redis.get(`${name}n`) ?? 0) + 1)
        inside--
        await lock.release()
      }
    }))
    equal([most, await redis.get(`${name}n`)], [1, '60'])
  })

  cases.add(`redlock ${version}: a majority of three is enough, one of three is not`, async context => {
    const relay = await Relay.open(context)
    const [far, ...near] = [connect(context, { db: 1, maxRetriesPerRequest: 0, retryStrategy: () => 20 }, relay.address),
      connect(context, { db: 2 }), connect(context, { db: 3 })]
    const redlock = create([far, ...near], { retryCount: 0 })
    const name = unique('lock')
    const first = await redlock.acquire([name], 30_000)
    equal(await Promise.all([far, ...near].map(client => client.get(name))), range(3).map(() => first.value))
    await first.release()
    equal(await Promise.all([far, ...near].map(client => client.exists(name))), [0, 0, 0])
    await relay.cut()
    await waitFor('the end of the connection', () => far.status !== 'ready')
    const lock = await redlock.acquire([name], 30_000)
    equal([await near[0].get(name), await near[1].get(name)], [lock.value, lock.value])
    await lock.release()
    await near[0].set(name, randomBytes(8).toString('hex'))
    equal((await rejection('one of three', redlock.acquire([name], 1000))) instanceof redlock.refused, true)
    equal(await near[1].exists(name), 0, 'the minority is given back')
  })
}

cases.add('redlock 5: using() extends the lock while the routine runs, and releases it', async context => {
  const redis = connect(context)
  const redlock = versions[5]([redis], { retryCount: 0, automaticExtensionThreshold: 200 })
  const name = unique('lock')
  const held = await redlock.using([name], 400, async signal => {
    const values = new Set()
    for (const _ of range(12)) { // eslint-disable-line no-unused-vars
      values.add(await redis.get(name))
      await sleep(100)
    }
    return [values.size, values.has(null), signal.aborted]
  })
  equal([held, await redis.exists(name)], [[1, false, false], 0])
})

await cases.main()
