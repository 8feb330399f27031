// @confluentinc/kafka-javascript over TLS with tokens of an identity server: node confluent_oidc.mjs ADDRESS CA_FILE TOPIC URL.
// Sends a record, and prints "sent" and what it reads back; or "refused" and why.
import confluent from '@confluentinc/kafka-javascript'

const [address, authority, topic, url] = process.argv.slice(2)
const options = {
  'bootstrap.servers': address, 'security.protocol': 'SASL_SSL', 'ssl.ca.location': authority, 'sasl.mechanism': 'OAUTHBEARER',
  'sasl.oauthbearer.method': 'oidc', 'sasl.oauthbearer.client.id': 'mill', 'sasl.oauthbearer.client.secret': 'secret',
  'sasl.oauthbearer.token.endpoint.url': url, event_cb: true
}
const producer = new confluent.Producer({ ...options, dr_cb: true })
producer.on('event.log', log => {
  if (!log.message.includes('SASL authentication error')) return
  console.log('refused', log.message)
  process.exit(0)
})
producer.setPollInterval(50)
producer.on('delivery-report', error => {
  if (error) throw error
  console.log('sent')
  const consumer = new confluent.KafkaConsumer({ ...options, 'group.id': topic, 'enable.auto.commit': false }, { 'auto.offset.reset': 'earliest' })
  consumer.on('ready', () => { consumer.assign([{ topic, partition: 0, offset: 0 }]); consumer.consume() })
  consumer.on('data', message => { console.log(message.value.toString()); process.exit(0) })
  consumer.connect()
})
producer.on('ready', () => producer.produce(topic, null, Buffer.from('hello')))
// What it logs is told only when it has given up.
producer.connect({ timeout: 10000 }, error => { if (error) setTimeout(() => { throw error }, 5000) })
