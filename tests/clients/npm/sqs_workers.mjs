// sqs-producer and sqs-consumer against a server: workers as people write them. node sqs_workers.mjs ENDPOINT
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs'
import { Consumer } from 'sqs-consumer'
import { Producer } from 'sqs-producer'

import { Cases, equal, range, rejection, waitFor } from './harness.mjs'
import { Queue, newClient } from './sqs_support.mjs'

const cases = new Cases('sqs_workers')

// Started, and stopped when the case ends. What goes wrong beside the handler's own errors is in `errors`.
function worker (context, queue, options) {
  const consumer = Consumer.create({ queueUrl: queue.url, sqs: newClient(context.address), waitTimeSeconds: 5, ...options })
  consumer.errors = []
  consumer.on('error', error => consumer.errors.push(error))
  consumer.on('processing_error', () => {})
  consumer.on('timeout_error', () => {})
  context.onEnd(() => consumer.status.isRunning ? stop(consumer) : Promise.resolve())
  consumer.start()
  return consumer
}

function stop (consumer) {
  const stopped = new Promise(resolve => consumer.once('stopped', resolve))
  consumer.stop({ abort: true })
  return stopped
}

const counts = async queue => {
  const input = { QueueUrl: queue.url, AttributeNames: ['All'] }
  const { Attributes } = await queue.sqs.send(new GetQueueAttributesCommand(input))
  return ['', 'NotVisible', 'Delayed'].map(name => Number(Attributes[`ApproximateNumberOfMessages${name}`]))
}

const produce = (queue, messages) => Producer.create({ queueUrl: queue.url, sqs: queue.sqs }).send(messages)

cases.add('four workers work off 300 messages, each once', async context => {
  const queue = await Queue.create(newClient(context.address))
  const seen = []
  const workers = range(4).map(() => worker(context, queue, {
    batchSize: 10, handleMessage: async message => { seen.push(Number(message.Body)) }
  }))
  equal((await produce(queue, range(300).map(String))).length, 300, 'results')
  await waitFor('300 messages', () => seen.length >= 300)
  await waitFor('their deletion', async () => (await counts(queue)).every(count => count === 0))
  equal(seen.sort((a, b) => a - b), range(300))
  equal(workers.flatMap(w => w.errors), [])
})

cases.add('what a handler fails at comes again, and a poison message goes to the dead letters after three tries', async context => {
  const sqs = newClient(context.address)
  const dead = await Queue.create(sqs)
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: 3 })
  const queue = await Queue.create(sqs, { RedrivePolicy })
  const tries = new Map()
  const done = []
  worker(context, queue, {
    terminateVisibilityTimeout: true,
    batchSize: 10,
    handleMessage: async ({ Body }) => {
      tries.set(Body, (tries.get(Body) ?? 0) + 1)
      if (Body === 'poison' || (Body.startsWith('shaky') && tries.get(Body) === 1)) throw new Error('not today')
      done.push(Body)
    }
  })
  const bodies = [...range(20).map(i => `good-${i}`), ...range(5).map(i => `shaky-${i}`)]
  await produce(queue, ['poison', ...bodies])
  const letter = (await waitFor('the dead letter', async () => {
    const messages = await dead.receive({ WaitTimeSeconds: 5, MessageSystemAttributeNames: ['All'] })
    return messages.length > 0 && messages
  }))[0]
  await waitFor('the rest', () => done.length >= 25)
  equal([letter.Body, letter.Attributes.DeadLetterQueueSourceArn], ['poison', queue.arn])
  equal([tries.get('poison'), ...range(5).map(i => tries.get(`shaky-${i}`))], [3, 2, 2, 2, 2, 2], 'tries')
  equal(done.sort(), bodies.sort())
})

cases.add('a handler of batches deletes what it returns', async context => {
  const queue = await Queue.create(newClient(context.address), { VisibilityTimeout: '600' })
  await produce(queue, range(10).map(String))
  let batches = 0
  const consumer = worker(context, queue, {
    batchSize: 10,
    handleMessageBatch: async messages => {
      batches += 1
      return messages.filter(message => Number(message.Body) % 2 === 0)
    }
  })
  await waitFor('half of them', async () => (await counts(queue)).join() === '0,5,0')
  equal([batches >= 1, consumer.errors], [true, []])
})

cases.add('a heartbeat keeps a slow handler\'s message', async context => {
  const queue = await Queue.create(newClient(context.address))
  const tries = []
  const options = {
    visibilityTimeout: 2,
    heartbeatInterval: 1,
    handleMessage: async message => {
      tries.push(message.MessageId)
      await new Promise(resolve => setTimeout(resolve, 4000))
    }
  }
  worker(context, queue, options)
  worker(context, queue, options)
  await queue.send('slow')
  await waitFor('its deletion', async () => tries.length > 0 && (await counts(queue)).every(count => count === 0))
  equal(tries.length, 1, 'tries')
})

cases.add('FIFO: the producer\'s groups are worked off in order by three workers', async context => {
  const queue = await Queue.create(newClient(context.address), { fifo: true })
  const seen = new Map()
  range(3).forEach(() => worker(context, queue, {
    batchSize: 5,
    suppressFifoWarning: true,
    messageSystemAttributeNames: ['MessageGroupId'],
    handleMessageBatch: async messages => {
      for (const message of messages) {
        const group = message.Attributes.MessageGroupId
        seen.set(group, [...(seen.get(group) ?? []), Number(message.Body)])
      }
      return messages
    }
  }))
  const messages = range(120).map(i => ({ id: `${i}`, body: `${i}`, groupId: `g${i % 6}`, deduplicationId: `${i}` }))
  await produce(queue, messages)
  await produce(queue, messages) // duplicates
  await waitFor('all of them', () => [...seen.values()].flat().length >= 120)
  await waitFor('their deletion', async () => (await counts(queue)).every(count => count === 0))
  range(6).forEach(g => equal(seen.get(`g${g}`), range(20).map(i => i * 6 + g), `order of group ${g}`))
})

cases.add('the producer\'s delays and attributes arrive, and it tells the size of the queue', async context => {
  const queue = await Queue.create(newClient(context.address))
  const producer = Producer.create({ queueUrl: queue.url, sqs: queue.sqs })
  const messageAttributes = { kind: { DataType: 'String', StringValue: 'x' } }
  await producer.send([{ id: 'now', body: 'now', messageAttributes }, { id: 'late', body: 'late', delaySeconds: 900 }])
  equal([await producer.queueSize(), await counts(queue)], [1, [1, 0, 1]])
  const [message] = await queue.receive({ MessageAttributeNames: ['All'] })
  equal([message.Body, message.MessageAttributes.kind.StringValue], ['now', 'x'])
  const error = await rejection('a bad id', producer.send([{ id: 'not this!', body: 'x' }]))
  equal(error.name, 'InvalidBatchEntryId')
})

cases.add('a worker stops at once while it waits for messages', async context => {
  const queue = await Queue.create(newClient(context.address))
  const consumer = worker(context, queue, { waitTimeSeconds: 20, handleMessage: async () => {} })
  await new Promise(resolve => setTimeout(resolve, 300))
  const started = Date.now()
  await stop(consumer)
  equal(Date.now() - started < 10000, true, 'it took long')
  await queue.send('for another')
  const [message] = await queue.receive({ WaitTimeSeconds: 10 })
  equal(message.Body, 'for another', 'what came after the worker had gone')
})

await cases.main()
