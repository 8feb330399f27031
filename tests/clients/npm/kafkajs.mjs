// kafkajs against a server: node kafkajs.mjs ADDRESS
import kafkajs from 'kafkajs'

import { equal, rejection, unique } from './harness.mjs'
import { kafkajsCases } from './kafkajs_cases.mjs'

const { CompressionTypes, ConfigResourceTypes, Kafka, Partitioners, logLevel } = kafkajs
const assignments = new WeakMap()

const { cases, admin, create } = kafkajsCases('kafkajs', {
  codecs: [['none', CompressionTypes.None], ['gzip', CompressionTypes.GZIP]],
  kafka: address => new Kafka({ clientId: 'suite', brokers: [address], logLevel: logLevel.NOTHING }),
  producer: (kafka, { idempotent = false }) => kafka.producer({
    idempotent, maxInFlightRequests: idempotent ? 1 : null, createPartitioner: Partitioners.DefaultPartitioner
  }),
  send: (producer, topic, messages, { compression }) => producer.send({ topic, messages, compression, acks: -1 }),
  consumer: (kafka, { groupId }) => {
    const consumer = kafka.consumer({ groupId, sessionTimeout: 10000, heartbeatInterval: 300, maxWaitTimeInMs: 100 })
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => assignments.set(consumer, payload.memberAssignment))
    consumer.on(consumer.events.REBALANCING, () => assignments.delete(consumer))
    return consumer
  },
  subscribe: (consumer, topic) => consumer.subscribe({ topics: [topic], fromBeginning: true }),
  assigned: (consumer, topic) => assignments.get(consumer)?.[topic] ?? [],
  tooLarge: error => error.type === 'MESSAGE_TOO_LARGE'
})

cases.add('describes and alters configurations', async context => {
  const client = await admin(context)
  const name = await create(context, 'js-config', 1, { 'retention.ms': '123456' })
  const type = ConfigResourceTypes.TOPIC
  const setting = async () => (await client.describeConfigs({ includeSynonyms: true, resources: [{ type, name }] }))
    .resources[0].configEntries.find(entry => entry.configName === 'retention.ms').configValue
  equal(await setting(), '123456')
  await client.alterConfigs({ resources: [{ type, name, configEntries: [{ name: 'retention.ms', value: '654321' }] }] })
  equal(await setting(), '654321')
  const broker = (await client.describeCluster()).brokers[0].nodeId
  const described = await client.describeConfigs({ resources: [{ type: ConfigResourceTypes.BROKER, name: `${broker}` }] })
  equal(described.resources[0].configEntries.length > 0, true, 'a broker has settings')
})

cases.add('grows a topic, sets offsets of a group, and is told what cannot be', async context => {
  const client = await admin(context)
  const topic = await create(context, 'js-grow', 1)
  await client.createPartitions({ topicPartitions: [{ topic, count: 4 }] })
  equal((await client.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length, 4, 'partitions')
  const groupId = unique('js-offsets')
  await client.setOffsets({ groupId, topic, partitions: [{ partition: 2, offset: '7' }] })
  const offsets = (await client.fetchOffsets({ groupId, topics: [topic] }))[0].partitions
  equal(offsets.find(p => p.partition === 2).offset, '7')
  equal(await client.createTopics({ topics: [{ topic, numPartitions: 1 }] }), false, 'a topic made twice')
  const error = await rejection('a bad name', client.createTopics({ topics: [{ topic: 'no name!', numPartitions: 1 }] }))
  equal((error.errors?.[0] ?? error).type, 'INVALID_TOPIC_EXCEPTION')
})

await cases.main()
