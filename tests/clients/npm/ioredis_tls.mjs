// ioredis over TLS: node ioredis_tls.mjs PORT CA_FILE KEY. Prints what it got.
import fs from 'node:fs'
import Redis from 'ioredis'

const [port, authority, key] = process.argv.slice(2)
const options = { host: '127.0.0.1', port: Number(port), tls: { ca: [fs.readFileSync(authority, 'utf8')] } }
const redis = new Redis(options)
await redis.set(key, 'value')
console.log(await redis.get(key))
const pipeline = redis.pipeline()
for (let i = 0; i < 1000; i++) pipeline.incr(key + '-count')
const replies = await pipeline.exec()
console.log(replies.at(-1)[1])

const listener = new Redis(options)
await listener.subscribe(key)
const message = new Promise(resolve => listener.on('message', (_, text) => resolve(text)))
await redis.publish(key, 'over TLS')
console.log(await message)
listener.disconnect()
redis.disconnect()

const stranger = new Redis({ ...options, tls: {}, retryStrategy: null, lazyConnect: true })
stranger.on('error', () => {})
await stranger.connect().then(() => console.log('taken'), () => console.log('refused'))
stranger.disconnect()
