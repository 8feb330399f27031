// @confluentinc/kafka-javascript (librdkafka of its own) against a server: node confluent_javascript.mjs ADDRESS
import confluent from '@confluentinc/kafka-javascript'

import { equal, range } from './harness.mjs'
import { kafkajsCases } from './kafkajs_cases.mjs'

const { CompressionTypes, Kafka, logLevel } = confluent.KafkaJS

const { cases, create, produce } = kafkajsCases('confluent_javascript', {
  codecs: [['none', CompressionTypes.NONE], ['gzip', CompressionTypes.GZIP], ['snappy', CompressionTypes.SNAPPY],
    ['lz4', CompressionTypes.LZ4], ['zstd', CompressionTypes.ZSTD]],
  kafka: address => new Kafka({ kafkaJS: { clientId: 'suite', brokers: [address], logLevel: logLevel.NOTHING } }),
  producer: (kafka, { compression, idempotent = false, large = false }) => kafka.producer({
    kafkaJS: { acks: -1, idempotent, ...(compression === undefined ? {} : { compression }) },
    'linger.ms': 0,
    ...(large ? { 'message.max.bytes': 20000000 } : {})
  }),
  send: (producer, topic, messages) => producer.send({ topic, messages }),
  consumer: (kafka, { groupId, autoCommit = false }) => kafka.consumer({
    kafkaJS: { groupId, fromBeginning: true, autoCommit, sessionTimeout: 10000, heartbeatInterval: 300, maxWaitTimeInMs: 100 }
  }),
  subscribe: (consumer, topic) => consumer.subscribe({ topics: [topic] }),
  assigned: (consumer, topic) => consumer.assignment().filter(p => p.topic === topic).map(p => p.partition),
  tooLarge: error => error.code === confluent.CODES.ERRORS.ERR_MSG_SIZE_TOO_LARGE
})

cases.add('spreads keys over partitions and keeps the order of each', async context => {
  const topic = await create(context, 'cjs-keys', 3)
  await produce(context, topic, range(300).map(i => ({ key: `${i % 7}`, value: `${i}` })))
  const kafka = new Kafka({ kafkaJS: { brokers: [context.address], logLevel: logLevel.NOTHING } })
  const client = kafka.admin()
  await client.connect()
  context.onEnd(() => client.disconnect())
  const offsets = await client.fetchTopicOffsets(topic)
  equal(offsets.reduce((sum, p) => sum + Number(p.high), 0), 300, 'messages in all partitions')
})

await cases.main()
