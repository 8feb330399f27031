// @platformatic/kafka against a server: node platformatic.mjs ADDRESS
import {
  Admin, ConfigResourceTypes, Consumer, IncrementalAlterConfigOperationTypes, ListOffsetTimestamps, ProduceAcks, Producer,
  stringDeserializers, stringSerializers
} from '@platformatic/kafka'

import { Cases, Skip, equal, range, rejection, unique, waitFor } from './harness.mjs'

const cases = new Cases('platformatic')
const base = { clientId: 'suite', retries: 3, retryDelay: 200 }

function admin ({ address, onEnd }) {
  const client = new Admin({ ...base, bootstrapBrokers: [address] })
  onEnd(() => client.close())
  return client
}

function producer ({ address, onEnd }, options = {}) {
  const client = new Producer({ ...base, bootstrapBrokers: [address], serializers: stringSerializers, ...options })
  onEnd(() => client.close())
  return client
}

async function create (context, prefix, partitions = 1, settings = {}) {
  const topic = unique(prefix)
  const configs = Object.entries(settings).map(([name, value]) => ({ name, value }))
  await admin(context).createTopics({ topics: [topic], partitions, replicas: 1, configs })
  return topic
}

// A consumer with what it got so far in .messages.
async function consume ({ address, onEnd }, topic, options = {}) {
  const consumer = new Consumer({
    ...base, groupId: unique('reader'), bootstrapBrokers: [address], deserializers: stringDeserializers,
    maxWaitTime: 100, sessionTimeout: 10000, heartbeatInterval: 300, rebalanceTimeout: 10000, ...options.client
  })
  const reader = {
    consumer,
    messages: [],
    partitions: () => reader.left ? [] : (consumer.assignments ?? []).filter(a => a.topic === topic).flatMap(a => a.partitions),
    leave: async () => {
      if (!reader.left) {
        reader.left = true
        await consumer.close(true)
      }
    }
  }
  onEnd(reader.leave)
  reader.stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: 100, ...options.consume })
  reader.stream.on('data', message => reader.messages.push(message))
  reader.stream.on('error', error => { reader.error = error })
  return reader
}

async function readAll (context, topic, count) {
  const reader = await consume(context, topic)
  await waitFor(`${count} messages`, () => {
    if (reader.error) throw reader.error
    return reader.messages.length >= count
  })
  equal(reader.messages.length, count, 'messages')
  return reader.messages
}

cases.add('produces 5,000 messages and consumes them in order, exactly', async context => {
  const topic = await create(context, 'pt-plain')
  const client = producer(context)
  const sent = range(5000).map(i => ({ topic, key: `key ${i}`, value: `value ${i}` }))
  for (let at = 0; at < sent.length; at += 500) {
    const { offsets } = await client.send({ messages: sent.slice(at, at + 500), acks: ProduceAcks.ALL })
    equal(offsets[0].offset, BigInt(at), 'base offset')
  }
  const got = await readAll(context, topic, sent.length)
  equal(got.map(m => ({ topic, key: m.key, value: m.value })), sent)
  equal(got.map(m => Number(m.offset)), range(5000), 'offsets')
})

for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
  cases.add(`carries ${compression}`, async context => {
    const topic = await create(context, `pt-${compression}`)
    const sent = range(1000).map(i => ({ topic, value: `${compression.repeat(20)} ${i}` }))
    try {
      await producer(context).send({ messages: sent, compression, acks: ProduceAcks.ALL })
    } catch (error) {
      // It leaves some codecs to optional packages and newer Node.js versions.
      if (error.findBy?.('code', 'PLT_KFK_UNSUPPORTED_COMPRESSION')) throw new Skip('this client has no zstd on this Node.js')
      throw error
    }
    equal((await readAll(context, topic, 1000)).map(m => m.value), sent.map(m => m.value))
  })
}

cases.add('carries null keys and headers', async context => {
  const topic = await create(context, 'pt-null')
  await producer(context).send({
    messages: [{ topic, value: 'v' }, { topic, key: 'k', value: 'v', headers: { trace: 'abc', empty: '' } }],
    acks: ProduceAcks.ALL
  })
  const got = await readAll(context, topic, 2)
  equal(got.map(m => m.value), ['v', 'v'])
  equal([got[0].key?.length ?? 0, got[1].key], [0, 'k'])
  equal([...got[1].headers].map(([name, value]) => [String(name), String(value)]), [['trace', 'abc'], ['empty', '']])
})

cases.add('carries large messages, and is refused above the limit of the topic', async context => {
  const topic = await create(context, 'pt-large', 1, { 'max.message.bytes': '4000000' })
  const value = '0123456789'.repeat(300000)
  const client = producer(context, { retries: 0 })
  await client.send({ messages: [{ topic, value }], acks: ProduceAcks.ALL })
  equal((await readAll(context, topic, 1))[0].value === value, true, 'the same message')
  const error = await rejection('6 MB', client.send({ messages: [{ topic, value: value + value }], acks: ProduceAcks.ALL }))
  equal(Boolean(error.findBy?.('apiId', 'MESSAGE_TOO_LARGE')), true, `the error ${error.message}`)
})

cases.add('produces idempotently', async context => {
  const topic = await create(context, 'pt-idempotent')
  const client = producer(context, { idempotent: true })
  for (const i of range(50)) {
    await client.send({ messages: range(20).map(j => ({ topic, value: `${i * 20 + j}` })), acks: ProduceAcks.ALL })
  }
  equal((await readAll(context, topic, 1000)).map(m => m.value), range(1000).map(String))
})

cases.add('starts at chosen offsets, and finds offsets by time', async context => {
  const topic = await create(context, 'pt-seek')
  const start = BigInt(Date.now() - 100000)
  await producer(context).send({
    messages: range(100).map(i => ({ topic, value: `${i}`, timestamp: start + BigInt(i) * 1000n })), acks: ProduceAcks.ALL
  })
  for (const target of [50, 3, 99]) {
    const reader = await consume(context, topic, {
      consume: { mode: 'manual', offsets: [{ topic, partition: 0, offset: BigInt(target) }] }
    })
    await waitFor(`offset ${target} and on`, () => reader.messages.length >= 100 - target)
    equal(reader.messages.map(m => Number(m.offset)), range(100).slice(target))
    await reader.leave()
  }
  const client = admin(context)
  const at = async timestamp => (await client.listOffsets({
    topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }]
  }))[0].partitions[0]
  equal((await at(start + 41500n)).offset, 42n, 'the first offset after a time')
  equal((await at(start + 41000n)).timestamp, start + 41000n, 'the timestamp found')
  equal((await at(ListOffsetTimestamps.LATEST)).offset, 100n, 'the end')
  equal((await at(ListOffsetTimestamps.EARLIEST)).offset, 0n, 'the beginning')
})

cases.add('a group rebalances when members join and leave, and commits', async context => {
  const topic = await create(context, 'pt-group', 4)
  const groupId = unique('pt-group')
  const options = { client: { groupId }, consume: { mode: 'committed', fallbackMode: 'earliest' } }
  const first = await consume(context, topic, options)
  await waitFor('one member to have all', () => first.partitions().length === 4)
  const second = await consume(context, topic, options)
  await waitFor('two members to share', () => first.partitions().length === 2 && second.partitions().length === 2 &&
    new Set([...first.partitions(), ...second.partitions()]).size === 4)
  await producer(context).send({
    messages: range(400).map(i => ({ topic, value: `${i}`, partition: i % 4 })), acks: ProduceAcks.ALL
  })
  await waitFor('all messages', () => new Set([...first.messages, ...second.messages].map(m => m.value)).size >= 400)
  const client = admin(context)
  equal((await client.listGroups()).get(groupId).state, 'STABLE', 'the state of the group')
  equal((await client.describeGroups({ groups: [groupId] })).get(groupId).members.size, 2, 'members')
  await first.leave()
  await waitFor('the other to have all', () => second.partitions().length === 4)
  await producer(context).send({
    messages: range(4).map(partition => ({ topic, value: 'after', partition })), acks: ProduceAcks.ALL
  })
  await waitFor('messages after the change', () => second.messages.filter(m => m.value === 'after').length === 4)
  const committed = async () => (await client.listConsumerGroupOffsets({ groups: [groupId] }))[0]?.topics[0]?.partitions ?? []
  await waitFor('commits', async () => {
    const partitions = await committed()
    return partitions.length === 4 && partitions.every(p => p.committedOffset === 101n)
  })
  await second.leave()
  await waitFor('the group to be empty',
    async () => (await client.describeGroups({ groups: [groupId] })).get(groupId).members.size === 0)
  await client.deleteGroups({ groups: [groupId] })
  equal((await client.listGroups()).has(groupId), false, 'the group is gone')
})

cases.add('topics, partitions, configurations and records by the admin client', async context => {
  const client = admin(context)
  const topic = await create(context, 'pt-admin', 2, { 'retention.ms': '123456' })
  equal((await client.listTopics()).includes(topic), true, 'the topic is listed')
  await client.createPartitions({ topics: [{ name: topic, count: 3, assignments: null }] })
  equal((await client.metadata({ topics: [topic], forceUpdate: true })).topics.get(topic).partitionsCount, 3, 'partitions')
  const setting = async () => (await client.describeConfigs({
    resources: [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: topic, configurationKeys: ['retention.ms'] }]
  }))[0].configs.find(c => c.name === 'retention.ms').value
  equal(await setting(), '123456')
  await client.incrementalAlterConfigs({
    resources: [{
      resourceType: ConfigResourceTypes.TOPIC, resourceName: topic, configs: [{ name: 'retention.ms', configOperation: IncrementalAlterConfigOperationTypes.SET, value: '654321' }]
    }]
  })
  equal(await setting(), '654321')
  await producer(context).send({
    messages: range(10).map(i => ({ topic, value: `${i}`, partition: 1 })), acks: ProduceAcks.ALL
  })
  const deleted = await client.deleteRecords({ topics: [{ name: topic, partitions: [{ partition: 1, offset: 6n }] }] })
  equal(deleted[0].partitions[0].lowWatermark, 6n, 'the low watermark')
  equal((await readAll(context, topic, 4)).map(m => Number(m.offset)), [6, 7, 8, 9], 'what is left')
  await client.deleteTopics({ topics: [topic] })
  await waitFor('the topic to be gone', async () => !(await client.listTopics()).includes(topic))
  const again = await rejection('a second delete', client.deleteTopics({ topics: [topic] }))
  equal(Boolean(again.findBy?.('apiId', 'UNKNOWN_TOPIC_OR_PARTITION')), true, `the error ${again.message}`)
})

cases.add('quotas of client ids are set, described and removed by the admin client', async context => {
  const client = admin(context)
  const entities = [{ entityType: 'user', entityName: unique('pt-user') }, { entityType: 'client-id', entityName: null }]
  const change = ops => client.alterClientQuotas({ entries: [{ entities, ops }], validateOnly: false })
  const described = async () => (await client.describeClientQuotas({
    components: [{ entityType: 'user', matchType: 0, match: entities[0].entityName }], strict: false
  }))
  await change([{ key: 'producer_byte_rate', value: 1e6, remove: false }, { key: 'consumer_byte_rate', value: 2e6, remove: false }])
  const limits = [{ key: 'producer_byte_rate', value: 1e6 }, { key: 'consumer_byte_rate', value: 2e6 }]
  const found = await described()
  equal(found.map(entry => entry.entity), [entities])
  equal(found[0].values.map(({ key, value }) => ({ key, value })), limits)
  await change([{ key: 'producer_byte_rate', remove: true }, { key: 'consumer_byte_rate', remove: true }])
  equal(await described(), [])
  const refused = await rejection('a quota below zero', change([{ key: 'producer_byte_rate', value: -1, remove: false }]))
  equal(Boolean(refused.findBy?.('apiId', 'INVALID_REQUEST')), true, `the error ${refused.message}`)
})

await cases.main()
