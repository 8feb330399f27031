// What the Node.js suites of Amazon SQS share: a client of the AWS SDK, and queues of names that no other case uses.
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs'

import { unique } from './harness.mjs'

export const REGION = 'us-east-1'
export const arnOf = name => `arn:aws:sqs:${REGION}:000000000000:${name}`

export const newClient = endpoint => new SQSClient({
  endpoint, region: REGION, maxAttempts: 1, credentials: { accessKeyId: 'anyone', secretAccessKey: 'anything' }
})

export class Queue {
  // { fifo, tags, ...attributes }
  static async create (sqs, { fifo = false, tags, ...attributes } = {}) {
    const queue = new Queue()
    queue.sqs = sqs
    queue.name = unique('queue') + (fifo ? '.fifo' : '')
    queue.arn = arnOf(queue.name)
    const Attributes = { ...attributes, ...(fifo ? { FifoQueue: 'true' } : {}) }
    const answer = await sqs.send(new CreateQueueCommand({ QueueName: queue.name, Attributes, tags }))
    queue.url = answer.QueueUrl
    return queue
  }

  send (body = 'a message', options = {}) {
    return this.sqs.send(new SendMessageCommand({ QueueUrl: this.url, MessageBody: body, ...options }))
  }

  async receive (options = {}) {
    const input = { QueueUrl: this.url, MaxNumberOfMessages: 10, WaitTimeSeconds: 0, ...options }
    return (await this.sqs.send(new ReceiveMessageCommand(input))).Messages ?? []
  }

  delete (message) {
    return this.sqs.send(new DeleteMessageCommand({ QueueUrl: this.url, ReceiptHandle: message.ReceiptHandle }))
  }
}
