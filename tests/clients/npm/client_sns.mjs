// @aws-sdk/client-sns against a server: the main flows, and what the SDK makes of errors. node client_sns.mjs ENDPOINT
import { createVerify, X509Certificate } from 'node:crypto'
import { createServer } from 'node:http'

import * as sdk from '@aws-sdk/client-sns'

import { Cases, equal, range, rejection, unique, waitFor } from './harness.mjs'
import { Queue, REGION, newClient as newSqs } from './sqs_support.mjs'

const cases = new Cases('client_sns')
const send = (sns, action, input) => sns.send(new sdk[`${action}Command`](input))
const newClient = endpoint => new sdk.SNSClient({
  endpoint, region: REGION, maxAttempts: 1, credentials: { accessKeyId: 'anyone', secretAccessKey: 'anything' }
})
const text = value => ({ DataType: 'String', StringValue: value })

async function newTopic (sns, { fifo = false, ...attributes } = {}) {
  const Attributes = { ...attributes, ...(fifo ? { FifoTopic: 'true', ContentBasedDeduplication: 'true' } : {}) }
  return (await send(sns, 'CreateTopic', { Name: unique('topic') + (fifo ? '.fifo' : ''), Attributes })).TopicArn
}

async function subscribe (sns, TopicArn, queue, Attributes = {}) {
  const answer = await send(sns, 'Subscribe', { TopicArn, Protocol: 'sqs', Endpoint: queue.arn, Attributes })
  return answer.SubscriptionArn
}

async function receiveAll (queue, count) {
  const found = []
  await waitFor(`${count} messages`, async () => {
    for (const message of await queue.receive({ WaitTimeSeconds: 1, MessageAttributeNames: ['All'] })) {
      found.push(message)
      await queue.delete(message)
    }
    return found.length >= count
  }, 30)
  return found
}

// An HTTP endpoint that keeps what it was posted.
async function listen (onEnd) {
  const posts = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', chunk => { body += chunk })
    request.on('end', () => {
      posts.push({ headers: request.headers, body })
      response.end()
    })
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  onEnd(async () => {
    server.closeAllConnections()
    server.close()
  })
  const of = type => posts.filter(post => post.headers['x-amz-sns-message-type'] === type)
  const wait = (count, type = 'Notification') => waitFor(`${count} ${type}`, () => of(type).length >= count && of(type), 30)
  return { url: `http://127.0.0.1:${server.address().port}/hook`, wait }
}

cases.add('topics: made, listed in pages, changed, tagged and deleted', async ({ address }) => {
  const sns = newClient(address)
  const made = []
  for (const i of range(102)) made.push(await newTopic(sns, i === 0 ? { DisplayName: 'shown' } : {}))
  const found = []
  for await (const page of sdk.paginateListTopics({ client: sns }, {})) found.push(...page.Topics.map(t => t.TopicArn))
  equal(made.filter(arn => !found.includes(arn)), [], 'topics that are not listed')
  const [TopicArn] = made
  await send(sns, 'SetTopicAttributes', { TopicArn, AttributeName: 'SignatureVersion', AttributeValue: '2' })
  const { Attributes } = await send(sns, 'GetTopicAttributes', { TopicArn })
  equal([Attributes.TopicArn, Attributes.DisplayName, Attributes.SignatureVersion], [TopicArn, 'shown', '2'])
  await send(sns, 'TagResource', { ResourceArn: TopicArn, Tags: [{ Key: 'a', Value: 'ü' }, { Key: 'b', Value: '' }] })
  await send(sns, 'UntagResource', { ResourceArn: TopicArn, TagKeys: ['b'] })
  equal((await send(sns, 'ListTagsForResource', { ResourceArn: TopicArn })).Tags, [{ Key: 'a', Value: 'ü' }])
  for (const arn of made) await send(sns, 'DeleteTopic', { TopicArn: arn })
  const error = await rejection('a deleted topic', send(sns, 'GetTopicAttributes', { TopicArn }))
  equal([error.name, error instanceof sdk.NotFoundException, error.$fault, error.$metadata.httpStatusCode],
    ['NotFoundException', true, 'client', 404])
})

cases.add('queues get envelopes, raw messages with attributes, and what their filters want', async ({ address }) => {
  const [sns, sqs] = [newClient(address), newSqs(address)]
  const TopicArn = await newTopic(sns)
  const [enveloped, raw, filtered] = [await Queue.create(sqs), await Queue.create(sqs), await Queue.create(sqs)]
  const arns = [await subscribe(sns, TopicArn, enveloped), await subscribe(sns, TopicArn, raw, { RawMessageDelivery: 'true' }),
    await subscribe(sns, TopicArn, filtered, { RawMessageDelivery: 'true', FilterPolicy: '{"pet": ["cat"]}' })]
  const listed = await send(sns, 'ListSubscriptionsByTopic', { TopicArn })
  equal(listed.Subscriptions.map(s => s.SubscriptionArn).sort(), [...arns].sort())
  const MessageAttributes = { pet: text('cat'), bytes: { DataType: 'Binary', BinaryValue: new Uint8Array([0, 255]) } }
  const sent = await send(sns, 'Publish', { TopicArn, Message: 'grüße 🐕', Subject: 'S', MessageAttributes })
  const entries = [{ Id: 'a', Message: 'a dog', MessageAttributes: { pet: text('dog') } }, { Id: 'b', Message: '' }]
  const answer = await send(sns, 'PublishBatch', { TopicArn, PublishBatchRequestEntries: entries })
  equal(answer.Successful.map(s => s.Id), ['a'])
  equal(answer.Failed.map(f => [f.Id, f.Code, f.SenderFault]), [['b', 'InvalidParameter', true]])
  const shown = (await receiveAll(enveloped, 2)).map(m => JSON.parse(m.Body)).find(m => m.Subject === 'S')
  equal([shown.Message, shown.MessageId, shown.TopicArn], ['grüße 🐕', sent.MessageId, TopicArn])
  equal(shown.MessageAttributes, { pet: { Type: 'String', Value: 'cat' }, bytes: { Type: 'Binary', Value: 'AP8=' } })
  const message = (await receiveAll(raw, 2)).find(m => m.Body === 'grüße 🐕') // the SDK checks its MD5
  equal([...message.MessageAttributes.bytes.BinaryValue], [0, 255])
  equal((await receiveAll(filtered, 1)).map(m => m.Body), ['grüße 🐕'])
  await send(sns, 'SetSubscriptionAttributes', {
    SubscriptionArn: arns[2], AttributeName: 'FilterPolicy', AttributeValue: '{"pet": ["dog"]}'
  })
  await send(sns, 'Publish', { TopicArn, Message: 'another dog', MessageAttributes: { pet: text('dog') } })
  equal((await receiveAll(filtered, 1)).map(m => m.Body), ['another dog'])
  await send(sns, 'Unsubscribe', { SubscriptionArn: arns[0] })
  const error = await rejection('an ended subscription', send(sns, 'GetSubscriptionAttributes', { SubscriptionArn: arns[0] }))
  equal(error.name, 'NotFoundException')
})

cases.add('FIFO: order in each group, sequence numbers, deduplication', async ({ address }) => {
  const [sns, sqs] = [newClient(address), newSqs(address)]
  const TopicArn = await newTopic(sns, { fifo: true })
  const queue = await Queue.create(sqs, { fifo: true })
  await subscribe(sns, TopicArn, queue, { RawMessageDelivery: 'true' })
  const bodies = range(100).map(i => `${i % 4} ${Math.floor(i / 4)}`)
  const numbers = []
  for (let at = 0; at < bodies.length; at += 10) {
    const PublishBatchRequestEntries = bodies.slice(at, at + 10)
      .map((Message, i) => ({ Id: `${i}`, Message, MessageGroupId: `g${Message[0]}` }))
    for (const _ of [1, 2]) { // the second is a duplicate
      const { Successful } = await send(sns, 'PublishBatch', { TopicArn, PublishBatchRequestEntries })
      equal(Successful.length, 10)
      numbers.push(...Successful.map(s => s.SequenceNumber))
    }
  }
  equal(new Set(numbers).size, 100, 'sequence numbers')
  const found = (await receiveAll(queue, 100)).map(m => m.Body)
  equal(found.length, 100)
  for (const group of range(4)) {
    equal(found.filter(b => b.startsWith(`${group} `)), range(25).map(i => `${group} ${i}`), `group ${group}`)
  }
})

cases.add('an HTTP endpoint confirms, gets signed notifications, and ends its subscription', async ({ address, onEnd }) => {
  const sns = newClient(address)
  const TopicArn = await newTopic(sns, { SignatureVersion: '2' })
  const hook = await listen(onEnd)
  const { SubscriptionArn } = await send(sns, 'Subscribe', {
    TopicArn, Protocol: 'http', Endpoint: hook.url, ReturnSubscriptionArn: true
  })
  const asked = JSON.parse((await hook.wait(1, 'SubscriptionConfirmation'))[0].body)
  const wrong = await rejection('a wrong token', send(sns, 'ConfirmSubscription', { TopicArn, Token: 'x' }))
  equal([wrong.name, wrong instanceof sdk.InvalidParameterException], ['InvalidParameterException', true])
  equal((await send(sns, 'ConfirmSubscription', { TopicArn, Token: asked.Token })).SubscriptionArn, SubscriptionArn)
  const sent = await send(sns, 'Publish', { TopicArn, Message: 'grüße', Subject: 'S' })
  const shown = JSON.parse((await hook.wait(1))[0].body)
  equal([shown.Message, shown.MessageId, shown.SignatureVersion], ['grüße', sent.MessageId, '2'])
  const certificate = new X509Certificate(await (await fetch(shown.SigningCertURL)).text())
  const signed = ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'].map(n => `${n}\n${shown[n]}\n`).join('')
  const check = words => createVerify('RSA-SHA256').update(words).verify(certificate.publicKey, shown.Signature, 'base64')
  equal([check(signed), check(`${signed}x`)], [true, false], 'signature')
  // The server has access keys; whoever has the link needs none.
  equal((await fetch(shown.UnsubscribeURL)).status, 200)
  equal((await send(sns, 'ListSubscriptionsByTopic', { TopicArn })).Subscriptions, [])
})

cases.add('errors are of the SDK\'s classes', async ({ address }) => {
  const sns = newClient(address)
  const TopicArn = await newTopic(sns)
  const batch = ids => ({ TopicArn, PublishBatchRequestEntries: ids.map(Id => ({ Id, Message: 'x' })) })
  const ways = {
    InvalidParameterException: ['CreateTopic', { Name: 'not a name' }, 400],
    NotFoundException: ['Publish', { TopicArn: `${TopicArn}-absent`, Message: 'x' }, 404],
    ResourceNotFoundException: ['ListTagsForResource', { ResourceArn: `${TopicArn}-absent` }, 404],
    TagLimitExceededException: ['TagResource',
      { ResourceArn: TopicArn, Tags: range(51).map(i => ({ Key: `k${i}`, Value: '' })) }, 400],
    EmptyBatchRequestException: ['PublishBatch', batch([]), 400],
    TooManyEntriesInBatchRequestException: ['PublishBatch', batch([...'abcdefghijk']), 400],
    BatchEntryIdsNotDistinctException: ['PublishBatch', batch(['a', 'a']), 400],
    InvalidBatchEntryIdException: ['PublishBatch', batch(['not this!']), 400],
    BatchRequestTooLongException: ['PublishBatch', {
      TopicArn, PublishBatchRequestEntries: ['a', 'b'].map(Id => ({ Id, Message: 'x'.repeat(150000) }))
    }, 400]
  }
  for (const [name, [action, input, status]] of Object.entries(ways)) {
    const error = await rejection(name, send(sns, action, input))
    equal([error.name, error instanceof sdk[name], error.$fault, error.$metadata.httpStatusCode], [name, true, 'client', status])
    equal(error.message.length > 0 && error.message !== 'UnknownError', true, `${name}: the message ${error.message}`)
  }
})

await cases.main()
