// node-redis 6 against a server: node node_redis6.mjs ADDRESS
import * as redis from 'redis6'

import { nodeRedisCases } from './node_redis_cases.mjs'

await nodeRedisCases('node_redis6', redis).main()
