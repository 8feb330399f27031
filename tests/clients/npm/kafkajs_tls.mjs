// kafkajs over TLS: node kafkajs_tls.mjs ADDRESS CA_FILE TOPIC. Produces three messages and prints what it consumes.
import fs from 'node:fs'
import kafkajs from 'kafkajs'

const [address, authority, topic] = process.argv.slice(2)
const kafka = new kafkajs.Kafka({
  brokers: [address], ssl: { ca: [fs.readFileSync(authority, 'utf8')] }, logLevel: kafkajs.logLevel.ERROR
})
const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
await producer.connect()
await producer.send({ topic, messages: ['one', 'two', 'three'].map(value => ({ value })) })
await producer.disconnect()

const consumer = kafka.consumer({ groupId: topic })
await consumer.connect()
await consumer.subscribe({ topics: [topic], fromBeginning: true })
let left = 3
await new Promise(resolve => consumer.run({
  eachMessage: async ({ message }) => {
    console.log(message.value.toString())
    if (--left === 0) resolve()
  }
}))
await consumer.disconnect()
