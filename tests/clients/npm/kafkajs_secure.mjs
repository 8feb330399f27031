// kafkajs over TLS with SASL: node kafkajs_secure.mjs ADDRESS CA_FILE TOPIC, with one {mechanism, username, password} or
// {mechanism, token} a line of its input. Sends a record as each, and prints a line for it: sent, or the error's name and message.
import fs from 'node:fs'
import kafkajs from 'kafkajs'

const { Kafka, logLevel } = kafkajs
const [address, authority, topic] = process.argv.slice(2)
const ca = [fs.readFileSync(authority, 'utf8')]

for (const line of fs.readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
  const { token, ...given } = JSON.parse(line)
  const sasl = token === undefined ? given : { ...given, oauthBearerProvider: async () => ({ value: token }) }
  const kafka = new Kafka({ brokers: [address], ssl: { ca }, sasl, logLevel: logLevel.NOTHING, retry: { retries: 0 } })
  const producer = kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
  try {
    await producer.connect()
    await producer.send({ topic, messages: [{ value: given.mechanism }] })
    console.log('sent')
  } catch (error) {
    if (!error.name.startsWith('KafkaJS')) throw error
    console.log(`${error.name} ${error.message}`)
  }
  await producer.disconnect().catch(() => {})
}
process.exit(0)
