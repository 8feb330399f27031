// Live push over TLS: node live_tls.mjs, with {address, topic, token, certificate, bad} as its input: the topic has one record, bad
// are values of Authorization that do not count. Prints each way that the record came by, and the statuses of those who are refused.
import fs from 'node:fs'
import { EventSource } from 'eventsource'
import WebSocket from 'ws'

const { address, topic, token, certificate, bad } = JSON.parse(fs.readFileSync(0, 'utf8'))
const live = `wss://${address}/v1/live`
const events = `https://${address}/v1/events?topic=${topic}&from=earliest`

// The record's value, or the status of the refusal.
function socket (url, options) {
  return new Promise((resolve, reject) => {
    const made = new WebSocket(url, options)
    made.on('error', error => { if (!/401/.test(error.message)) reject(error) })
    made.on('unexpected-response', (request, response) => { resolve(response.statusCode); request.destroy() })
    made.on('open', () => made.send(JSON.stringify({ op: 'subscribe', id: 1, topic, from: 'earliest' })))
    made.on('message', data => {
      const message = JSON.parse(data)
      if (message.type === 'error') reject(new Error(data))
      if (message.type !== 'record') return
      made.close()
      resolve(message.value)
    })
  })
}

function source (url, headers = {}) {
  return new Promise((resolve, reject) => {
    const made = new EventSource(url, { fetch: (to, init) => fetch(to, { ...init, headers: { ...init.headers, ...headers } }) })
    made.addEventListener('record', event => { made.close(); resolve(JSON.parse(event.data).value) })
    made.addEventListener('error', event => { made.close(); event.code ? resolve(event.code) : reject(new Error(event.message)) })
  })
}

const bearer = { Authorization: `Bearer ${token}` }
const [cert, key] = certificate.map(file => fs.readFileSync(file))
console.log('ws parameter', await socket(`${live}?access_token=${token}`))
console.log('ws header', await socket(live, { headers: bearer }))
console.log('ws certificate', await socket(live, { cert, key }))
console.log('eventsource header', await source(events, bearer))
console.log('eventsource parameter', await source(`${events}&access_token=${token}`))
for (const value of bad) {
  console.log('ws', await socket(live, { headers: { Authorization: value }, cert, key }))
  console.log('eventsource', await source(events, { Authorization: value }))
}
console.log('ws', await socket(live))
process.exit(0)
