// What the suites of live push share: servers of their own that can be restarted, and calls of the HTTP API.
import { spawn } from 'node:child_process'
import { mkdtemp, open, rm } from 'node:fs/promises'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

import { unique, waitFor } from './harness.mjs'

const LEAT = process.env.LEAT ?? fileURLToPath(new URL('../../../build/release/leat', import.meta.url))

// Below the ports that the kernel gives to outgoing connections, so that it stays free while a server restarts.
async function freePort () {
  for (;;) {
    const port = 20000 + Math.floor(Math.random() * 10000)
    const probe = net.createServer()
    const free = await new Promise(resolve => {
      probe.once('error', () => resolve(false))
      probe.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!free) continue
    await new Promise(resolve => probe.close(resolve))
    return port
  }
}

// `leat serve` with a data folder of its own; the ports stay when it is started again.
export class Server {
  static async start (context, ...options) {
    const server = new Server()
    server.folder = await mkdtemp(path.join(os.tmpdir(), 'leat-test-'))
    server.ports = {}
    for (const name of ['kafka', 'resp', 'http']) server.ports[name] = await freePort()
    server.options = options
    context.onEnd(() => server.end())
    await server.again()
    return server
  }

  get url () { return `http://127.0.0.1:${this.ports.http}` }
  get live () { return `ws://127.0.0.1:${this.ports.http}/v1/live` }
  get kafka () { return `127.0.0.1:${this.ports.kafka}` }

  async again () {
    const listens = Object.entries(this.ports).flatMap(([name, port]) => ['--listen', `${name}=127.0.0.1:${port}`])
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('LEAT')))
    const log = await open(path.join(this.folder, 'server.log'), 'a')
    this.process = spawn(LEAT, ['serve', '--data', path.join(this.folder, 'data'), ...listens, ...this.options],
      { stdio: ['ignore', log.fd, log.fd], env })
    this.exit = new Promise(resolve => this.process.once('exit', resolve))
    await log.close()
    await waitFor('the server to be ready', async () => {
      if (this.process.exitCode !== null) throw new Error(`the server ended with ${this.process.exitCode}`)
      return await fetch(`${this.url}/readyz`).then(answer => answer.ok, () => false)
    })
  }

  // Its exit code.
  async stop () {
    this.process.kill('SIGTERM')
    return await this.exit
  }

  async end () {
    this.process.kill('SIGKILL')
    await this.exit
    await rm(this.folder, { recursive: true, force: true })
  }

  // What a request of the HTTP API is answered, which has to go well.
  async call (method, where, body) {
    const answer = await fetch(this.url + where, {
      method, ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } })
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${where}: ${answer.status} ${text}`)
    return text ? JSON.parse(text) : undefined
  }

  async topic (prefix, partitions = 1) {
    const name = unique(prefix)
    await this.call('POST', '/v1/topics', { name, partitions })
    return name
  }

  publish (topic, values, partition = 0) {
    return this.call('POST', `/v1/topics/${topic}/records`, { records: values.map(value => ({ value, partition })) })
  }
}
