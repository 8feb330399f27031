// BullMQ 6 over ioredis against a server: node bullmq.mjs ADDRESS
import * as bullmq from 'bullmq'

import { bullmqCases } from './bullmq_cases.mjs'
import { addJobLifecycle } from './bullmq_jobs.mjs'
import { endpoint } from './resp_support.mjs'

const bench = bullmqCases('bullmq', bullmq, async context => ({ ...endpoint(context.address), retryStrategy: () => 50 }))
addJobLifecycle(bench)
await bench.cases.main()
