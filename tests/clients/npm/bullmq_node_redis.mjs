// BullMQ 6 over node-redis against a server: node bullmq_node_redis.mjs ADDRESS
import * as bullmq from 'bullmq'
import { createClient } from 'redis'

import { bullmqCases } from './bullmq_cases.mjs'
import { addJobLifecycle } from './bullmq_jobs.mjs'
import { endpoint } from './resp_support.mjs'

const bench = bullmqCases('bullmq_node_redis', bullmq, async context => {
  const client = createClient({ socket: { ...endpoint(context.address), reconnectStrategy: () => 50 } })
  client.on('error', () => {})
  context.onEnd(async () => { if (client.isOpen) client.destroy() })
  return client.connect()
})
addJobLifecycle(bench)
await bench.cases.main()
