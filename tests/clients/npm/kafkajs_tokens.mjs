// kafkajs with OAUTHBEARER: node kafkajs_tokens.mjs ADDRESS TOKEN TOPIC. Sends a record; prints whether it is there beside
// that of another client, and "refused" when a wrong token was.
import kafkajs from 'kafkajs'

const { Kafka, logLevel } = kafkajs
const [address, token, topic] = process.argv.slice(2)
const connect = value => new Kafka({
  brokers: [address],
  sasl: { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value }) },
  logLevel: logLevel.NOTHING,
  retry: { retries: 0 }
})

const kafka = connect(token)
const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
await producer.connect()
await producer.send({ topic, messages: [{ value: 'kafkajs' }] })
await producer.disconnect()
console.log('sent')

const admin = kafka.admin()
await admin.connect()
const [{ high }] = await admin.fetchTopicOffsets(topic)
await admin.disconnect()
console.log(high === '2' ? 'python,kafkajs' : `${high} records`)

// It takes the server's answer to a wrong token for a good one, so that what it may do tells.
const wrong = connect(token + 'x').admin()
try {
  await wrong.connect()
  await wrong.fetchTopicOffsets(topic)
  console.log('let in')
} catch (error) {
  if (!error.name.startsWith('KafkaJS')) throw error
  console.log('refused')
}
process.exit(0)
