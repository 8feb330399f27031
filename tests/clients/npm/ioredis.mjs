// ioredis 5 against a server: node ioredis.mjs ADDRESS
import Redis from 'ioredis'

import { ioredisCases } from './ioredis_cases.mjs'

await ioredisCases('ioredis', Redis).main()
