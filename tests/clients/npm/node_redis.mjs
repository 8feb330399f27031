// node-redis 5 against a server: node node_redis.mjs ADDRESS
import * as redis from 'redis'

import { nodeRedisCases } from './node_redis_cases.mjs'

await nodeRedisCases('node_redis', redis).main()
