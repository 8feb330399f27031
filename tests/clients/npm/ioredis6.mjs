// ioredis 6, which speaks RESP3, against a server: node ioredis6.mjs ADDRESS
import Redis from 'ioredis6'

import { equal, unique } from './harness.mjs'
import { ioredisCases } from './ioredis_cases.mjs'
import { endpoint } from './resp_support.mjs'

const cases = ioredisCases('ioredis6', Redis)

cases.add('RESP3: maps are objects and doubles are numbers, when asked for', async context => {
  const redis = new Redis({ ...endpoint(context.address), replyMapping: 'resp3' })
  context.onEnd(() => redis.quit())
  const key = unique('three')
  await redis.hset(key, { a: '1', b: '2' })
  await redis.zadd(`${key}z`, 1.5, 'm')
  equal({ ...await redis.hgetall(key) }, { a: '1', b: '2' })
  equal([await redis.zscore(`${key}z`, 'm'), await redis.zscore(`${key}z`, 'none')], [1.5, null])
  equal((await redis.client('INFO')).includes(' resp=3'), true, 'the protocol')
})

cases.add('RESP2 when asked for', async context => {
  const redis = new Redis({ ...endpoint(context.address), protocol: 2 })
  context.onEnd(() => redis.quit())
  equal([await redis.ping(), (await redis.client('INFO')).includes(' resp=2')], ['PONG', true])
})

await cases.main()
