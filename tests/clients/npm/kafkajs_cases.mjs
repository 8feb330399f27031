// The cases of the two clients that speak kafkajs's interface. An adapter hides where they differ:
//   kafka(address)                       the client
//   producer(kafka, {compression, idempotent, large})
//   send(producer, topic, messages, {compression})
//   consumer(kafka, {groupId, autoCommit})      reads from the beginning
//   subscribe(consumer, topic)
//   assigned(consumer, topic)            the partitions that it has
//   codecs, tooLarge(error)
import { Cases, equal, range, rejection, unique, waitFor } from './harness.mjs'

export function kafkajsCases (suite, adapter) {
  const cases = new Cases(suite)

  async function admin ({ address, onEnd }) {
    const client = adapter.kafka(address).admin()
    await client.connect()
    onEnd(() => client.disconnect())
    return client
  }

  async function create (context, prefix, numPartitions = 1, settings = {}) {
    const topic = unique(prefix)
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }))
    await (await admin(context)).createTopics({
      topics: [{ topic, numPartitions, replicationFactor: 1, configEntries }]
    })
    return topic
  }

  async function produce ({ address, onEnd }, topic, messages, options = {}) {
    const producer = adapter.producer(adapter.kafka(address), options)
    await producer.connect()
    onEnd(() => producer.disconnect())
    // Copies, since one of the clients turns the values that it is given into buffers.
    return await adapter.send(producer, topic, messages.map(message => ({ ...message })), options)
  }

  // A running consumer with what it got so far in .messages and the partitions it has in .partitions().
  async function consume ({ address, onEnd }, topic, options = {}) {
    const consumer = adapter.consumer(adapter.kafka(address), { groupId: unique('reader'), ...options })
    let left = false
    const reader = {
      consumer,
      messages: [],
      partitions: () => left ? [] : adapter.assigned(consumer, topic),
      leave: async () => {
        if (!left) {
          left = true
          await consumer.disconnect()
        }
      }
    }
    await consumer.connect()
    onEnd(reader.leave)
    await adapter.subscribe(consumer, topic)
    await consumer.run({
      eachMessage: async ({ partition, message }) => { reader.messages.push({ partition, ...message }) }
    })
    return reader
  }

  async function readAll (context, topic, count) {
    const reader = await consume(context, topic)
    await waitFor(`${count} messages`, () => reader.messages.length >= count)
    equal(reader.messages.length, count, 'messages')
    return reader.messages
  }

  const text = value => value === null || value === undefined ? null : value.toString()

  cases.add('produces 5,000 messages and consumes them in order, exactly', async context => {
    const topic = await create(context, 'js-plain')
    const sent = range(5000).map(i => ({ key: `key ${i}`, value: `value ${i}` }))
    const first = await produce(context, topic, sent.slice(0, 1000))
    equal(first[0].baseOffset ?? first[0].offset, '0', 'base offset')
    await produce(context, topic, sent.slice(1000))
    const got = await readAll(context, topic, sent.length)
    equal(got.map(m => ({ key: text(m.key), value: text(m.value) })), sent)
    equal(got.map(m => Number(m.offset)), range(5000), 'offsets')
  })

  for (const [name, compression] of adapter.codecs) {
    cases.add(`carries ${name}`, async context => {
      const topic = await create(context, `js-${name}`)
      const sent = range(1000).map(i => ({ value: `${name.repeat(20)} ${i}` }))
      await produce(context, topic, sent, { compression })
      equal((await readAll(context, topic, 1000)).map(m => text(m.value)), sent.map(m => m.value))
    })
  }

  cases.add('carries null keys and values, and headers', async context => {
    const topic = await create(context, 'js-null')
    const sent = [
      { key: null, value: 'v' },
      { key: 'k', value: null },
      { key: 'k', value: 'v', headers: { trace: 'abc', twice: ['1', '2'] } }
    ]
    await produce(context, topic, sent)
    const got = await readAll(context, topic, sent.length)
    equal(got.map(m => [text(m.key), text(m.value)]), sent.map(m => [m.key, m.value]))
    const headers = Object.fromEntries(Object.entries(got[2].headers)
      .map(([name, value]) => [name, Array.isArray(value) ? value.map(text) : text(value)]))
    equal(headers, { trace: 'abc', twice: ['1', '2'] })
  })

  cases.add('carries large messages, and is refused above the limit of the topic', async context => {
    const topic = await create(context, 'js-large', 1, { 'max.message.bytes': '4000000' })
    const value = '0123456789'.repeat(300000)
    await produce(context, topic, [{ value }], { large: true })
    equal(text((await readAll(context, topic, 1))[0].value) === value, true, 'the same message')
    const error = await rejection('6 MB', produce(context, topic, [{ value: value + value }], { large: true }))
    equal(adapter.tooLarge(error), true, `the error ${error.type} ${error.code}`)
  })

  cases.add('produces idempotently', async context => {
    const topic = await create(context, 'js-idempotent')
    const { address, onEnd } = context
    const producer = adapter.producer(adapter.kafka(address), { idempotent: true })
    await producer.connect()
    onEnd(() => producer.disconnect())
    for (const i of range(50)) {
      await adapter.send(producer, topic, range(20).map(j => ({ value: `${i * 20 + j}` })), {})
    }
    equal((await readAll(context, topic, 1000)).map(m => text(m.value)), range(1000).map(String))
  })

  cases.add('seeks, and finds offsets by time', async context => {
    const topic = await create(context, 'js-seek')
    const base = Date.now() - 100000
    await produce(context, topic, range(100).map(i => ({ value: `${i}`, timestamp: String(base + i * 1000) })))
    const reader = await consume(context, topic)
    await waitFor('100 messages', () => reader.messages.length >= 100)
    equal(Number(reader.messages[1].timestamp), base + 1000, 'the timestamp of the producer')
    for (const target of [50, 3, 99]) {
      reader.messages.length = 0
      reader.consumer.seek({ topic, partition: 0, offset: String(target) })
      await waitFor(`offset ${target}`, () => Number(reader.messages.find(m => Number(m.offset) === target)?.offset) === target)
      equal(reader.messages.map(m => Number(m.offset)).indexOf(target), 0, 'the first message after a seek')
    }
    const client = await admin(context)
    const at = async time => Number((await client.fetchTopicOffsetsByTimestamp(topic, time))[0].offset)
    equal(await at(base + 41500), 42, 'the first offset after a time')
    equal(await at(base + 41000), 41, 'the offset at a time')
    equal((await client.fetchTopicOffsets(topic)).map(p => [Number(p.low), Number(p.high)]), [[0, 100]], 'offsets')
  })

  cases.add('a group rebalances when members join and leave, and commits', async context => {
    const topic = await create(context, 'js-group', 4)
    const groupId = unique('js-group')
    const first = await consume(context, topic, { groupId, autoCommit: true })
    await waitFor('one member to have all', () => first.partitions().length === 4)
    const second = await consume(context, topic, { groupId, autoCommit: true })
    await waitFor('two members to share', () => first.partitions().length === 2 && second.partitions().length === 2 &&
      new Set([...first.partitions(), ...second.partitions()]).size === 4)
    await produce(context, topic, range(400).map(i => ({ value: `${i}`, partition: i % 4 })))
    await waitFor('all messages', () => first.messages.length + second.messages.length >= 400)
    const seen = [...first.messages, ...second.messages].map(m => Number(text(m.value))).sort((a, b) => a - b)
    equal(seen, range(400), 'each message once')
    const client = await admin(context)
    equal((await client.listGroups()).groups.some(g => g.groupId === groupId), true, 'the group is listed')
    const described = (await client.describeGroups([groupId])).groups[0]
    equal(described.members.length, 2, 'members')
    await first.leave()
    await waitFor('the other to have all', () => second.partitions().length === 4)
    await produce(context, topic, range(4).map(partition => ({ value: 'after', partition })))
    await waitFor('messages after the change', () => second.messages.filter(m => text(m.value) === 'after').length === 4)
    await second.leave()
    const committed = (await client.fetchOffsets({ groupId, topics: [topic] }))[0].partitions
    equal(committed.map(p => [p.partition, Number(p.offset)]).sort(), range(4).map(p => [p, 101]), 'committed')
    await waitFor('the group to be empty', async () => (await client.describeGroups([groupId])).groups[0].members.length === 0)
    await client.deleteGroups([groupId])
    equal((await client.listGroups()).groups.some(g => g.groupId === groupId), false, 'the group is gone')
  })

  cases.add('creates, lists and deletes topics', async context => {
    const client = await admin(context)
    const topic = await create(context, 'js-admin', 3)
    equal((await client.listTopics()).includes(topic), true, 'the topic is listed')
    const metadata = await client.fetchTopicMetadata({ topics: [topic] })
    equal((metadata.topics ?? metadata)[0].partitions.length, 3, 'partitions')
    await client.deleteTopics({ topics: [topic] })
    await waitFor('the topic to be gone', async () => !(await client.listTopics()).includes(topic))
  })

  cases.add('deletes records', async context => {
    const topic = await create(context, 'js-records')
    await produce(context, topic, range(10).map(i => ({ value: `${i}` })))
    const client = await admin(context)
    await client.fetchTopicOffsets(topic) // kafkajs wants to know the topic first
    await client.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '6' }] })
    equal((await readAll(context, topic, 4)).map(m => Number(m.offset)), [6, 7, 8, 9], 'what is left')
  })

  return { cases, admin, create, produce }
}
