// What the Node.js suites of Redis clients share: addresses, and a server that seems to go away and come back.
import net from 'node:net'

import { waitFor } from './harness.mjs'

export function endpoint (address) {
  const at = address.lastIndexOf(':')
  return { host: address.slice(0, at), port: Number(address.slice(at + 1)) }
}

export const sleep = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds))

// A relay to the server that can be cut and opened again: its clients see a server that restarts.
export class Relay {
  static async open (context) {
    const relay = new Relay()
    relay.target = endpoint(context.address)
    relay.sockets = new Set()
    await relay.listen(0)
    context.onEnd(() => relay.cut())
    return relay
  }

  listen (port) {
    this.server = net.createServer(near => {
      const far = net.connect(this.target)
      for (const [from, to] of [[near, far], [far, near]]) {
        this.sockets.add(from)
        from.on('close', () => { this.sockets.delete(from); to.destroy() })
        from.on('error', () => {})
        from.pipe(to)
      }
    })
    return new Promise((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen(port, '127.0.0.1', () => {
        this.port = this.server.address().port
        resolve()
      })
    })
  }

  get address () {
    return `127.0.0.1:${this.port}`
  }

  // Closes every connection, and refuses new ones.
  cut () {
    const closed = new Promise(resolve => this.server.close(resolve))
    this.drop()
    return closed
  }

  // Closes every connection.
  drop () {
    for (const socket of this.sockets) socket.destroy()
  }

  again () {
    return this.listen(this.port)
  }
}

// Waits until that many clients are blocked in a command; `list` returns the text of CLIENT LIST.
export function blocked (list, command, count = 1) {
  const waits = line => new RegExp(` cmd=${command} `).test(line) && / flags=[a-zA-Z]*b/.test(line)
  return waitFor(`${count} clients in ${command}`, async () => (await list()).split('\n').filter(waits).length >= count)
}
