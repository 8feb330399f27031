// Live push with a bearer token: node live_tokens.mjs ADDRESS TOKEN TOPIC, which has one record. Prints each way that the record came
// by, and the statuses of those who are refused.
import { EventSource } from 'eventsource'
import WebSocket from 'ws'

const [address, token, topic] = process.argv.slice(2)
const live = `ws://${address}/v1/live`

function record (url, options) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, options)
    socket.on('error', reject)
    socket.on('open', () => socket.send(JSON.stringify({ op: 'subscribe', id: 1, topic, from: 'earliest' })))
    socket.on('message', data => {
      const message = JSON.parse(data)
      if (message.type === 'error') reject(new Error(data))
      if (message.type !== 'record') return
      socket.close()
      resolve(message.value)
    })
  })
}

function refusal (url, options) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, options)
    socket.on('open', () => reject(new Error('it was let in')))
    socket.on('error', () => {})
    socket.on('unexpected-response', (request, response) => { resolve(response.statusCode); request.destroy() })
  })
}

console.log('parameter', await record(`${live}?access_token=${token}`))
console.log('header', await record(live, { headers: { Authorization: `Bearer ${token}` } }))

const events = `http://${address}/v1/events?topic=${topic}&from=earliest&access_token=`
console.log('eventsource', await new Promise((resolve, reject) => {
  const source = new EventSource(events + token)
  source.addEventListener('record', event => { source.close(); resolve(JSON.parse(event.data).value) })
  source.addEventListener('error', event => reject(new Error(event.message)))
}))

console.log(await refusal(live))
console.log(await refusal(`${live}?access_token=${token}x`))
console.log(await new Promise((resolve, reject) => {
  const source = new EventSource(events + token.slice(0, -1))
  source.addEventListener('open', () => reject(new Error('it was let in')))
  source.addEventListener('error', event => { source.close(); resolve(event.code) })
}))
process.exit(0)
