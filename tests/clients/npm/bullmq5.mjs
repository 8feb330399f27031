// BullMQ 5 over ioredis against a server: node bullmq5.mjs ADDRESS
import * as bullmq from 'bullmq5'

import { bullmqCases } from './bullmq_cases.mjs'
import { addJobLifecycle } from './bullmq_jobs.mjs'
import { equal, waitFor } from './harness.mjs'
import { endpoint } from './resp_support.mjs'

const bench = bullmqCases('bullmq5', bullmq, async context => ({ ...endpoint(context.address), retryStrategy: () => 50 }))
addJobLifecycle(bench)

bench.cases.add('the older repeat option: every so often, a limited number of times, and removal', async context => {
  const bed = await bench.open(context)
  const seen = []
  await bed.worker(async job => { seen.push(job.name) })
  await bed.queue.add('tick', {}, { repeat: { every: 50, limit: 3 } })
  await bed.queue.add('noon', {}, { repeat: { pattern: '0 12 * * *' } })
  await waitFor('three ticks', () => seen.length >= 3)
  const repeated = await bed.queue.getRepeatableJobs()
  equal(repeated.map(job => [job.name, job.pattern ?? null]).filter(([name]) => name === 'noon'), [['noon', '0 12 * * *']])
  equal([await bed.queue.removeRepeatable('noon', { pattern: '0 12 * * *' }), await bed.queue.getDelayedCount()], [true, 0])
  equal(seen, ['tick', 'tick', 'tick'])
})

await bench.cases.main()
