// @aws-sdk/client-sqs (AWS JSON 1.0) against a server: every action, and every error that the SDK's model declares.
// node client_sqs.mjs ENDPOINT
import { readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

import * as sdk from '@aws-sdk/client-sqs'

import { Cases, equal, rejection, waitFor } from './harness.mjs'
import { Queue, arnOf, newClient } from './sqs_support.mjs'

const cases = new Cases('client_sqs')
const send = (sqs, action, input) => sqs.send(new sdk[`${action}Command`](input))

// What the SDK's declarations say that each action throws: action → names.
function declaredErrors () {
  const main = createRequire(import.meta.url).resolve('@aws-sdk/client-sqs')
  const folder = join(dirname(main), '..', 'dist-types', 'commands')
  const declared = new Map()
  for (const file of readdirSync(folder).filter(name => name.endsWith('Command.d.ts'))) {
    const names = [...readFileSync(join(folder, file), 'utf8').matchAll(/@throws \{@link (\w+)\}/g)].map(match => match[1])
    declared.set(file.replace('Command.d.ts', ''), new Set(names.filter(name => name !== 'SQSServiceException')))
  }
  return declared
}

// A request that succeeds for each action, given a queue, a message in flight and the queue's dead-letter queue.
const calls = {
  AddPermission: q => ({ QueueUrl: q.url, Label: 'l', AWSAccountIds: ['111122223333'], Actions: ['SendMessage'] }),
  CancelMessageMoveTask: async (q, m, dead) => {
    const input = { SourceArn: dead.arn, MaxNumberOfMessagesPerSecond: 1 }
    for (let i = 0; i < 3; i++) await dead.send('never mind')
    return { TaskHandle: (await send(q.sqs, 'StartMessageMoveTask', { ...input, DestinationArn: q.arn })).TaskHandle }
  },
  ChangeMessageVisibility: (q, m) => ({ QueueUrl: q.url, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 5 }),
  ChangeMessageVisibilityBatch: (q, m) => ({
    QueueUrl: q.url, Entries: [{ Id: 'a', ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 5 }]
  }),
  CreateQueue: q => ({ QueueName: q.name }),
  DeleteMessage: (q, m) => ({ QueueUrl: q.url, ReceiptHandle: m.ReceiptHandle }),
  DeleteMessageBatch: (q, m) => ({ QueueUrl: q.url, Entries: [{ Id: 'a', ReceiptHandle: m.ReceiptHandle }] }),
  DeleteQueue: q => ({ QueueUrl: q.url }),
  GetQueueAttributes: q => ({ QueueUrl: q.url, AttributeNames: ['All'] }),
  GetQueueUrl: q => ({ QueueName: q.name }),
  ListDeadLetterSourceQueues: (q, m, dead) => ({ QueueUrl: dead.url }),
  ListMessageMoveTasks: (q, m, dead) => ({ SourceArn: dead.arn }),
  ListQueueTags: q => ({ QueueUrl: q.url }),
  ListQueues: q => ({ QueueNamePrefix: q.name }),
  PurgeQueue: q => ({ QueueUrl: q.url }),
  ReceiveMessage: q => ({ QueueUrl: q.url }),
  RemovePermission: q => ({ QueueUrl: q.url, Label: 'there' }),
  SendMessage: q => ({ QueueUrl: q.url, MessageBody: 'x' }),
  SendMessageBatch: q => ({ QueueUrl: q.url, Entries: [{ Id: 'a', MessageBody: 'x' }] }),
  SetQueueAttributes: q => ({ QueueUrl: q.url, Attributes: { DelaySeconds: '1' } }),
  StartMessageMoveTask: (q, m, dead) => ({ SourceArn: dead.arn }),
  TagQueue: q => ({ QueueUrl: q.url, Tags: { a: 'b' } }),
  UntagQueue: q => ({ QueueUrl: q.url, TagKeys: ['a'] })
}
// What must be in its answer.
const answers = {
  CancelMessageMoveTask: a => a.ApproximateNumberOfMessagesMoved >= 0,
  ChangeMessageVisibilityBatch: a => a.Successful[0].Id === 'a',
  CreateQueue: (a, q) => a.QueueUrl === q.url,
  DeleteMessageBatch: a => a.Successful[0].Id === 'a',
  GetQueueAttributes: (a, q) => a.Attributes.QueueArn === q.arn,
  GetQueueUrl: (a, q) => a.QueueUrl === q.url,
  ListDeadLetterSourceQueues: (a, q) => a.queueUrls[0] === q.url,
  ListMessageMoveTasks: a => a.Results.length === 0,
  ListQueueTags: a => a.Tags.kept === 'x',
  ListQueues: (a, q) => a.QueueUrls[0] === q.url,
  ReceiveMessage: a => a.Messages[0].Body === 'second',
  SendMessage: a => a.MD5OfMessageBody === '9dd4e461268c8034f5c8564e155c67a6' && a.MessageId.length === 36,
  SendMessageBatch: a => a.Successful[0].MD5OfMessageBody === '9dd4e461268c8034f5c8564e155c67a6',
  StartMessageMoveTask: a => a.TaskHandle.length > 0
}

async function prepare (sqs) {
  const dead = await Queue.create(sqs)
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: 5 })
  const queue = await Queue.create(sqs, { RedrivePolicy, tags: { kept: 'x' } })
  await queue.send('first')
  const [message] = await queue.receive()
  await queue.send('second')
  await send(sqs, 'AddPermission', { ...calls.AddPermission(queue), Label: 'there' })
  return [queue, message, dead]
}

const cannot = {
  InvalidSecurity: 'HTTPS is asked of nobody',
  ...Object.fromEntries(['AccessDenied', 'Disabled', 'InvalidKeyUsage', 'InvalidState', 'NotFound', 'OptInRequired', 'Throttled']
    .map(name => [`Kms${name}`, 'no KMS is asked: keys are only kept as attributes'])),
  'CreateQueue QueueDeletedRecently': 'a deleted queue is gone when DeleteQueue answers: its name is free at once',
  'DeleteMessage InvalidIdFormat': 'a receipt handle of any other form is ReceiptHandleIsInvalid',
  'SetQueueAttributes OverLimit': 'a queue may be changed as often as one likes',
  RequestThrottled: 'only a queue at its limit throttles, and only what is sent to it',
  'SendMessageBatch UnsupportedOperation': 'it is told of the entry, not of the batch',
  UnsupportedOperation: 'the action does all that its model has',
  InvalidAddress: 'the action takes no address of a queue'
}

// Requests that are refused: by "action error", or by the error alone where one way suits every action.
const entries = {
  SendMessageBatch: { MessageBody: 'x' },
  DeleteMessageBatch: { ReceiptHandle: 'handle' },
  ChangeMessageVisibilityBatch: { ReceiptHandle: 'handle', VisibilityTimeout: 1 }
}
const batch = (...ids) => (q, action) => ({ QueueUrl: q.url, Entries: ids.map(Id => ({ Id, ...entries[action] })) })
const elsewhere = url => async (q, action) => {
  const input = await calls[action](q, { ReceiptHandle: 'handle' }, q)
  return input.QueueUrl ? { ...input, QueueUrl: url(q) } : { ...input, QueueName: `${q.name}-absent` }
}
const full = async q => {
  const other = await Queue.create(q.sqs, { tags: { 'leat:depth_max': '1' } })
  await other.send()
  return { QueueUrl: other.url, MessageBody: 'one more' }
}
const triggers = {
  QueueDoesNotExist: elsewhere(q => `${q.url}-absent`),
  InvalidAddress: elsewhere(q => q.url.replace(/[^/]*$/, '')),
  TooManyEntriesInBatchRequest: batch(...'abcdefghijk'),
  EmptyBatchRequest: batch(),
  BatchEntryIdsNotDistinct: batch('a', 'b', 'a'),
  InvalidBatchEntryId: batch('a', 'not this!'),
  'SendMessageBatch BatchRequestTooLong': q => ({
    QueueUrl: q.url, Entries: [...'abcdefgh'].map(Id => ({ Id, MessageBody: 'x'.repeat(150000) }))
  }),
  'AddPermission OverLimit': q => ({
    ...calls.AddPermission(q),
    Actions: ['SendMessage', 'ReceiveMessage', 'DeleteMessage', 'GetQueueUrl', 'PurgeQueue', 'GetQueueAttributes',
      'ChangeMessageVisibility', 'ListDeadLetterSourceQueues']
  }),
  'ReceiveMessage OverLimit': async q => {
    const other = await Queue.create(q.sqs, { tags: { 'leat:in_flight_max': '1' } })
    await other.send()
    await other.send()
    equal((await other.receive({ MaxNumberOfMessages: 1 })).length, 1)
    return { QueueUrl: other.url }
  },
  'ChangeMessageVisibility MessageNotInflight': async q => {
    const [message] = await q.receive({ VisibilityTimeout: 0 })
    return { QueueUrl: q.url, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: 5 }
  },
  'ChangeMessageVisibility ReceiptHandleIsInvalid': q => ({ QueueUrl: q.url, ReceiptHandle: 'none', VisibilityTimeout: 5 }),
  'DeleteMessage ReceiptHandleIsInvalid': q => ({ QueueUrl: q.url, ReceiptHandle: 'none' }),
  'CreateQueue InvalidAttributeName': q => ({ QueueName: `${q.name}-2`, Attributes: { Nothing: '1' } }),
  'CreateQueue InvalidAttributeValue': q => ({ QueueName: `${q.name}-2`, Attributes: { DelaySeconds: '901' } }),
  'CreateQueue QueueNameExists': q => ({ QueueName: q.name, Attributes: { DelaySeconds: '9' } }),
  'GetQueueAttributes InvalidAttributeName': q => ({ QueueUrl: q.url, AttributeNames: ['Nothing'] }),
  'SetQueueAttributes InvalidAttributeName': q => ({ QueueUrl: q.url, Attributes: { Nothing: '1' } }),
  'SetQueueAttributes InvalidAttributeValue': q => ({ QueueUrl: q.url, Attributes: { DelaySeconds: 'x' } }),
  'PurgeQueue PurgeQueueInProgress': async q => {
    await send(q.sqs, 'PurgeQueue', { QueueUrl: q.url })
    return { QueueUrl: q.url }
  },
  'SendMessage InvalidMessageContents': q => ({ QueueUrl: q.url, MessageBody: 'a\u0002b' }),
  'SendMessage RequestThrottled': full,
  'SendMessage UnsupportedOperation': q => ({
    QueueUrl: q.url, MessageBody: 'x', MessageAttributes: { list: { DataType: 'String', StringListValues: ['a'] } }
  }),
  'CancelMessageMoveTask ResourceNotFoundException': () => ({
    TaskHandle: Buffer.from('{"taskId":"00000000-0000-4000-8000-000000000000"}').toString('base64')
  }),
  'ListMessageMoveTasks ResourceNotFoundException': () => ({ SourceArn: arnOf('absent') }),
  'StartMessageMoveTask ResourceNotFoundException': () => ({ SourceArn: arnOf('absent') })
}
const status = {
  PurgeQueueInProgress: 403, OverLimit: 403, RequestThrottled: 403, InvalidAddress: 404, ReceiptHandleIsInvalid: 404,
  ResourceNotFoundException: 404
}
const takesAddress = action => action !== 'GetQueueUrl' && /QueueUrl/.test(`${calls[action]}`) && !/Task/.test(action)

const declared = declaredErrors()
const waysTo = new Map() // "action error" → a request, or the reason that there is none
for (const [action, errors] of declared) {
  for (const error of errors) {
    const name = `${action} ${error}`
    const general = error === 'InvalidAddress' && !takesAddress(action) ? undefined : triggers[error]
    waysTo.set(name, triggers[name] ?? general ?? cannot[name] ?? cannot[error])
  }
}

cases.add('the SDK has no action and no error that this suite does not know', async () => {
  equal(Object.keys(calls), [...declared.keys()].sort(), 'actions')
  equal([...waysTo].filter(([, way]) => way === undefined).map(([name]) => name), [], 'errors in neither list')
  const used = name => [...waysTo.keys()].some(pair => pair === name || pair.endsWith(` ${name}`))
  equal([...Object.keys(triggers), ...Object.keys(cannot)].filter(name => !used(name)), [], 'entries of no error')
  const reasons = new Map()
  for (const [name, way] of waysTo) {
    const reason = `${name.split(' ')[1]}: ${way}`
    if (typeof way === 'string') reasons.set(reason, [...(reasons.get(reason) ?? []), name.split(' ')[0]])
  }
  for (const [reason, actions] of reasons) {
    console.log(`    not triggered: ${reason} (${actions.length > 5 ? `${actions.length} actions` : actions.join(', ')})`)
  }
})

for (const action of declared.keys()) {
  cases.add(`${action} succeeds`, async ({ address }) => {
    const sqs = newClient(address)
    const [queue, message, dead] = await prepare(sqs)
    const answer = await send(sqs, action, await calls[action](queue, message, dead))
    equal(answer.$metadata.httpStatusCode, 200)
    equal(answer.$metadata.requestId?.length, 36, 'request id')
    if (answers[action]) equal(answers[action](answer, queue), true, `the answer ${JSON.stringify(answer)}`)
  })
}

// The errors of one action in one case.
for (const action of declared.keys()) {
  const ways = [...waysTo].filter(([name, way]) => name.startsWith(`${action} `) && typeof way === 'function')
  if (ways.length === 0) continue
  cases.add(`${action} throws ${ways.map(([name]) => name.split(' ')[1]).join(', ')}`, async ({ address }) => {
    const sqs = newClient(address)
    for (const [name, way] of ways) {
      const expected = name.split(' ')[1]
      const queue = await Queue.create(sqs)
      await queue.send()
      const error = await rejection(name, send(sqs, action, await way(queue, action)))
      equal([error.name, error instanceof sdk[expected], error instanceof sdk.SQSServiceException], [expected, true, true], name)
      equal([error.$fault, error.$metadata.httpStatusCode], ['client', status[expected] ?? 400], name)
      equal(error.message.length > 0 && error.message !== 'UnknownError', true, `${name}: the message ${error.message}`)
    }
  })
}

cases.add('carries binary attributes, and the SDK finds the MD5s right', async ({ address }) => {
  const queue = await Queue.create(newClient(address))
  const MessageAttributes = {
    bytes: { DataType: 'Binary', BinaryValue: new Uint8Array([0, 255, 128]) },
    text: { DataType: 'String.custom', StringValue: 'grüße 🐕' }
  }
  const MessageSystemAttributes = { AWSTraceHeader: { DataType: 'String', StringValue: 'Root=1' } }
  const body = 'ä"\\\n\t\u007f\u2028 </script> 🐕'
  const sent = await queue.send(body, { MessageAttributes, MessageSystemAttributes })
  const [message] = await queue.receive({ MessageAttributeNames: ['All'], MessageSystemAttributeNames: ['All'] })
  equal([message.Body, message.MessageId, message.MD5OfMessageAttributes], [body, sent.MessageId, sent.MD5OfMessageAttributes])
  equal([...message.MessageAttributes.bytes.BinaryValue], [0, 255, 128])
  equal(message.MessageAttributes.text.StringValue, 'grüße 🐕')
  equal(message.Attributes.AWSTraceHeader, 'Root=1')
})

cases.add('pages through queues', async ({ address }) => {
  const sqs = newClient(address)
  const prefix = (await Queue.create(sqs)).name
  for (let i = 0; i < 5; i++) await send(sqs, 'CreateQueue', { QueueName: `${prefix}-${i}` })
  const found = []
  for await (const page of sdk.paginateListQueues({ client: sqs, pageSize: 2 }, { QueueNamePrefix: prefix })) {
    found.push(...page.QueueUrls.map(url => url.split('/').at(-1)))
  }
  equal(found, [prefix, ...[0, 1, 2, 3, 4].map(i => `${prefix}-${i}`)])
})

cases.add('moves dead letters, with progress', async ({ address }) => {
  const sqs = newClient(address)
  const dead = await Queue.create(sqs)
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: 1 })
  const queue = await Queue.create(sqs, { RedrivePolicy })
  for (let i = 0; i < 5; i++) await queue.send(`${i}`)
  for (let taken = 0; taken < 5;) taken += (await queue.receive({ VisibilityTimeout: 0 })).length
  const counts = async () => {
    const input = { QueueUrl: dead.url, AttributeNames: ['ApproximateNumberOfMessages'] }
    return (await send(sqs, 'GetQueueAttributes', input)).Attributes.ApproximateNumberOfMessages
  }
  await queue.receive() // which is when leases that have ended are looked at, at the latest
  await waitFor('five dead letters', async () => await counts() === '5')
  await send(sqs, 'StartMessageMoveTask', { SourceArn: dead.arn, MaxNumberOfMessagesPerSecond: 500 })
  const task = await waitFor('the move', async () => {
    const { Results } = await send(sqs, 'ListMessageMoveTasks', { SourceArn: dead.arn })
    return Results[0].Status === 'COMPLETED' && Results[0]
  })
  equal([task.ApproximateNumberOfMessagesMoved, task.ApproximateNumberOfMessagesToMove, task.SourceArn], [5, 5, dead.arn])
  equal(typeof task.StartedTimestamp, 'number')
  const bodies = []
  while (bodies.length < 5) bodies.push(...(await queue.receive({ WaitTimeSeconds: 5 })).map(m => m.Body))
  equal(bodies.sort(), ['0', '1', '2', '3', '4'])
})

await cases.main()
