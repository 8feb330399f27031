// ioredis as a user of leat, who may read and write KEY*: node ioredis_users.mjs PORT USER PASSWORD KEY. Prints what it got.
import Redis from 'ioredis'

const [port, username, password, key] = process.argv.slice(2)
const options = { host: '127.0.0.1', port: Number(port), username, password }
const redis = new Redis(options)
await redis.set(key, 'value')
console.log(await redis.get(key))
console.log(await redis.acl('WHOAMI'))
await redis.get('other').catch(error => console.log(error.message.split(' ')[0]))

// Commands behind AUTH in one pipeline, and again after the connection was lost.
const pipeline = redis.pipeline()
for (let i = 0; i < 100; i++) pipeline.incr(key + '-count')
console.log((await pipeline.exec()).at(-1)[1])
redis.disconnect(true)
console.log(await redis.incr(key + '-count'))
redis.disconnect()

const stranger = new Redis({ ...options, password: 'wrong', retryStrategy: null, enableReadyCheck: false })
const said = new Promise(resolve => stranger.on('error', resolve))
console.log((await said).message.split(' ')[0])
stranger.disconnect()
