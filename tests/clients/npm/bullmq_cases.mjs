// What BullMQ does between queues, workers and flows, the same for its versions and drivers.
import { Cases, equal, range, unique, waitFor } from './harness.mjs'
import { Relay } from './resp_support.mjs'

// `connection(context)` makes what BullMQ takes as one.
export function bullmqCases (suite, library, connection) {
  const { FlowProducer, Queue, QueueEvents, RateLimitError, Worker } = library
  const cases = new Cases(suite)

  // A queue with a name of its own; workers, events and flows on it end with the case.
  async function open (context, options = {}) {
    const bed = { name: unique('queue'), errors: [] }
    const keep = async thing => {
      thing.on('error', error => bed.errors.push(error))
      context.onEnd(() => thing.close())
      await thing.waitUntilReady()
      return thing
    }
    bed.queue = await keep(new Queue(bed.name, { connection: await connection(context), ...options }))
    bed.worker = async (processor, more = {}, name = bed.name) => {
      const worker = new Worker(name, processor, { connection: await connection(context), ...more })
      worker.on('failed', () => {})
      return keep(worker)
    }
    bed.counts = async (...states) => {
      const counts = await bed.queue.getJobCounts(...states)
      return states.map(state => counts[state])
    }
    bed.events = async () => keep(new QueueEvents(bed.name, { lastEventId: '0-0', connection: await connection(context) }))
    bed.flows = async () => keep(new FlowProducer({ connection: await connection(context) }))
    bed.other = async name => keep(new Queue(name, { connection: await connection(context) }))
    return bed
  }

  cases.add('three workers do 300 jobs, each once, with results and progress', async context => {
    const bed = await open(context)
    const events = await bed.events()
    const [seen, completed, progress] = [[], new Map(), []]
    events.on('completed', ({ jobId, returnvalue }) => completed.set(jobId, returnvalue))
    events.on('progress', ({ data }) => progress.push(data))
    for (const number of range(3)) {
      await bed.worker(async job => {
        seen.push(job.data.n)
        if (job.data.n % 100 === 0) await job.updateProgress({ at: job.data.n })
        return { square: job.data.n ** 2, number }
      }, { concurrency: 5 })
    }
    const jobs = await bed.queue.addBulk(range(300).map(n => ({ name: 'square', data: { n } })))
    await waitFor('300 results', () => completed.size === 300)
    equal(seen.sort((a, b) => a - b), range(300))
    equal(jobs.map(job => completed.get(job.id).square), range(300).map(n => n ** 2))
    await waitFor('progress', () => progress.length === 3)
    equal(progress.map(({ at }) => at).sort((a, b) => a - b), [0, 100, 200])
    equal(await bed.counts('completed', 'waiting', 'active', 'failed'), [300, 0, 0, 0])
    const stored = await bed.queue.getJob(jobs[17].id)
    equal([stored.returnvalue.square, await stored.getState(), stored.attemptsMade], [289, 'completed', 1])
    equal(bed.errors, [])
  })

  cases.add('one worker does jobs in the order in which they were added, LIFO ones first', async context => {
    const bed = await open(context)
    for (const n of range(20)) await bed.queue.add('fifo', { n })
    for (const n of range(3)) await bed.queue.add('lifo', { n: 100 + n }, { lifo: true })
    const seen = []
    await bed.worker(async job => { seen.push(job.data.n) })
    await waitFor('the jobs', () => seen.length === 23)
    equal(seen, [102, 101, 100, ...range(20)])
  })

  cases.add('priorities: the lowest number first, none before all; changed ones', async context => {
    const bed = await open(context)
    for (const n of range(30)) await bed.queue.add('p', { n }, { priority: 1 + n % 3 })
    await bed.queue.add('plain', { n: 'none' })
    const late = await bed.queue.add('p', { n: 'late' }, { priority: 9 })
    const early = await bed.queue.add('p', { n: 'early' }, { priority: 9 })
    await early.changePriority({ priority: 1 })
    equal(await bed.queue.getCountsPerPriority([0, 1, 2, 3, 9]), { 0: 1, 1: 11, 2: 10, 3: 10, 9: 1 })
    equal([await late.getState(), await bed.queue.getPrioritizedCount()], ['prioritized', 32])
    const seen = []
    await bed.worker(async job => { seen.push(job.data.n) })
    await waitFor('the jobs', () => seen.length === 33)
    const class_ = rest => range(30).filter(n => n % 3 === rest)
    equal(seen, ['none', ...class_(0), 'early', ...class_(1), ...class_(2), 'late'])
  })

  cases.add('delayed jobs come in the order of their times, not early; promoted and changed ones', async context => {
    const bed = await open(context)
    const seen = []
    await bed.worker(async job => { seen.push([job.name, Date.now() - job.timestamp]) })
    await bed.queue.add('third', {}, { delay: 900 })
    await bed.queue.add('first', {}, { delay: 150 })
    await bed.queue.add('second', {}, { delay: 500 })
    const promoted = await bed.queue.add('promoted', {}, { delay: 3_600_000 })
    const changed = await bed.queue.add('changed', {}, { delay: 3_600_000 })
    equal([await promoted.getState(), await bed.queue.getDelayedCount() >= 2], ['delayed', true])
    await promoted.promote()
    await waitFor('the promoted one', () => seen.some(([name]) => name === 'promoted'))
    await changed.changeDelay(1300)
    await waitFor('the jobs', () => seen.length === 5)
    equal(seen.map(([name]) => name).filter(name => name !== 'promoted'), ['first', 'second', 'third', 'changed'])
    for (const [name, delay] of [['first', 150], ['second', 500], ['third', 900]]) {
      const took = seen.find(([other]) => other === name)[1]
      equal(took >= delay - 10, true, `${name} came after ${took} ms`)
    }
  })

  cases.add('flows: a parent waits for its tree, and sees the values of its children', async context => {
    const bed = await open(context)
    const child = await bed.other(`${bed.name}-child`)
    const order = []
    await bed.worker(async job => {
      order.push(job.name)
      const values = Object.values(await job.getChildrenValues())
      return values.reduce((sum, value) => sum + value, 0)
    })
    const flows = await bed.flows()
    const leaf = n => ({ name: `leaf${n}`, queueName: child.name, data: { n } })
    const tree = await flows.add({
      name: 'root',
      queueName: bed.name,
      children: [leaf(1), { name: 'middle', queueName: bed.name, children: range(20).map(n => leaf(10 + n)) }]
    })
    equal([await tree.job.getState(), (await tree.job.getDependenciesCount()).unprocessed], ['waiting-children', 2])
    await bed.worker(async job => { order.push(job.name); return job.data.n }, { concurrency: 4 }, child.name)
    await waitFor('the root', async () => await tree.job.getState() === 'completed')
    const sum = range(20).reduce((total, n) => total + 10 + n, 1)
    equal([(await bed.queue.getJob(tree.job.id)).returnvalue, order.length, order.slice(-2)], [sum, 23, ['middle', 'root']])
    const { processed, unprocessed } = await tree.job.getDependencies()
    equal([Object.values(processed).length, unprocessed.length], [2, 0])
    const read = await flows.getFlow({ id: tree.job.id, queueName: bed.name })
    equal([read.job.name, read.children.length], ['root', 2])
  })

  cases.add('flows: children that fail fail their parent, or are ignored, as each says', async context => {
    const bed = await open(context)
    const flows = await bed.flows()
    await bed.worker(async job => {
      if (job.name === 'bad') throw new Error('a bad child')
      return job.name === 'parent' ? Object.values(await job.getChildrenValues()) : 'good'
    }, { concurrency: 3 })
    const family = async options => (await flows.add({
      name: 'parent',
      queueName: bed.name,
      children: [{ name: 'bad', queueName: bed.name, opts: options }, { name: 'good', queueName: bed.name }]
    })).job
    const failing = await family({ failParentOnFailure: true })
    const ignoring = await family({ ignoreDependencyOnFailure: true })
    const removing = await family({ removeDependencyOnFailure: true })
    await waitFor('the parents', async () => await failing.getState() === 'failed' &&
      await ignoring.getState() === 'completed' && await removing.getState() === 'completed')
    equal((await bed.queue.getJob(ignoring.id)).returnvalue, ['good'])
    equal(Object.values(await ignoring.getIgnoredChildrenFailures()), ['a bad child'])
    equal((await bed.queue.getJob(failing.id)).failedReason.includes('failed'), true)
  })

  cases.add('a rate limit: no more jobs a window than it says, over two workers', async context => {
    const bed = await open(context)
    const [max, duration, starts] = [5, 400, []]
    const processor = async () => { starts.push(Date.now()) }
    for (const _ of range(2)) await bed.worker(processor, { limiter: { max, duration }, concurrency: 10 }) // eslint-disable-line no-unused-vars
    await bed.queue.addBulk(range(18).map(n => ({ name: 'limited', data: { n } })))
    await waitFor('the jobs', () => starts.length === 18)
    starts.sort((a, b) => a - b)
    // A window of the server begins with its first job, a little before that job runs here.
    equal(range(18 - 2 * max).every(i => starts[i + 2 * max] - starts[i] >= duration), true, `${starts.map(t => t - starts[0])}`)
    equal(starts[17] - starts[0] >= 2 * duration, true, 'time for 18 jobs')
  })

  cases.add('a worker that meets a limit elsewhere puts its job back', async context => {
    const bed = await open(context)
    const tries = []
    const worker = await bed.worker(async job => {
      tries.push(Date.now())
      if (tries.length === 1) {
        await worker.rateLimit(300)
        throw new RateLimitError()
      }
      return 'done'
    }, { limiter: { max: 1, duration: 100 } })
    const job = await bed.queue.add('limited', {})
    await waitFor('the job', async () => await job.getState() === 'completed')
    equal([tries.length, tries[1] - tries[0] >= 290, (await bed.queue.getJob(job.id)).attemptsMade], [2, true, 1])
  })

  cases.add('job schedulers: every so often, by a cron pattern, limited, changed and removed', async context => {
    const bed = await open(context)
    const seen = []
    await bed.worker(async job => { seen.push([job.name, job.data.v]) })
    await bed.queue.upsertJobScheduler('often', { every: 100 }, { name: 'tick', data: { v: 1 } })
    await bed.queue.upsertJobScheduler('thrice', { every: 60, limit: 3 }, { name: 'limited', data: {} })
    await bed.queue.upsertJobScheduler('cron', { pattern: '* * * * * *' }, { name: 'second', data: {} })
    const count = name => seen.filter(([other]) => other === name).length
    await waitFor('ticks', () => count('tick') >= 4 && count('second') >= 1 && count('limited') >= 3)
    const scheduler = await bed.queue.getJobScheduler('often')
    equal([scheduler.every, scheduler.name, (await bed.queue.getJobScheduler('cron')).pattern], [100, 'tick', '* * * * * *'])
    await bed.queue.upsertJobScheduler('often', { every: 50 }, { name: 'tick', data: { v: 2 } })
    await waitFor('a changed tick', () => seen.some(([name, v]) => name === 'tick' && v === 2))
    equal([await bed.queue.removeJobScheduler('often'), await bed.queue.removeJobScheduler('cron'), await bed.queue.removeJobScheduler('often')],
      [true, true, false])
    equal([(await bed.queue.getJobSchedulers()).filter(s => s.key !== 'thrice').length, count('limited')], [0, 3])
    await waitFor('no more', async () => await bed.queue.getDelayedCount() === 0 && await bed.queue.getActiveCount() === 0)
    const total = count('tick')
    await bed.queue.add('last', {})
    await waitFor('the last', () => count('last') === 1)
    equal(count('tick'), total, 'ticks after the removal')
  })

  cases.add('events of a queue, in their order', async context => {
    const bed = await open(context)
    const events = await bed.events()
    const heard = []
    for (const event of ['added', 'waiting', 'active', 'completed', 'failed', 'delayed', 'paused', 'resumed', 'removed', 'drained']) {
      events.on(event, ({ jobId, returnvalue, failedReason } = {}) => heard.push([event, jobId ?? '', returnvalue ?? failedReason ?? '']))
    }
    await bed.queue.pause()
    const good = await bed.queue.add('good', {}, { jobId: 'good' })
    const bad = await bed.queue.add('bad', {}, { jobId: 'bad' })
    await bed.queue.resume()
    await bed.worker(async job => {
      if (job.name === 'bad') throw new Error('on purpose')
      return 'value'
    })
    equal(await good.waitUntilFinished(events, 30_000), 'value')
    equal(await bad.waitUntilFinished(events, 30_000).catch(error => error.message), 'on purpose')
    await bed.queue.remove('good')
    await waitFor('the events', () => heard.some(([event]) => event === 'removed') && heard.some(([event]) => event === 'drained'))
    const of = id => heard.filter(([, jobId]) => jobId === id).map(([event]) => event)
    equal([of('good'), of('bad')], [['added', 'waiting', 'active', 'completed', 'removed'], ['added', 'waiting', 'active', 'failed']])
    equal([heard[0][0], heard.filter(([event]) => event === 'resumed').length, heard.find(([event]) => event === 'completed')[2]],
      ['paused', 1, 'value'])
  })

  cases.add('a paused queue keeps its jobs, for every worker; a paused worker leaves them to others', async context => {
    const bed = await open(context)
    const seen = []
    const workers = []
    for (const number of range(2)) workers.push(await bed.worker(async () => { seen.push(number) }))
    await bed.queue.pause()
    await bed.queue.addBulk(range(10).map(n => ({ name: 'job', data: { n } })))
    const counts = await bed.queue.getJobCounts('waiting', 'paused')
    equal([await bed.queue.isPaused(), counts.waiting + counts.paused, seen], [true, 10, []])
    await workers[0].pause()
    await bed.queue.resume()
    await waitFor('the jobs', () => seen.length === 10)
    equal([new Set(seen), workers[0].isPaused()], [new Set([1]), true])
    workers[0].resume()
    await workers[1].close()
    await bed.queue.add('job', {})
    await waitFor('the other worker', () => seen.length === 11)
    equal(seen[10], 0)
  })

  cases.add('stalled jobs: taken over from a worker that is gone, and failed when that happens too often', async context => {
    const bed = await open(context)
    const events = await bed.events()
    const stalled = []
    events.on('stalled', ({ jobId }) => stalled.push(jobId))
    const dead = await bed.worker(null, { lockDuration: 200 })
    const job = await bed.queue.add('job', { keep: true })
    equal((await dead.getNextJob('token of the dead')).id, job.id)
    await bed.worker(async () => 'taken over', { stalledInterval: 100, maxStalledCount: 1, lockDuration: 30_000 })
    await waitFor('the job', async () => await job.getState() === 'completed')
    await waitFor('the event', () => stalled.length === 1)
    equal([stalled, (await bed.queue.getJob(job.id)).returnvalue], [[job.id], 'taken over'])

    const often = await open(context)
    const gone = await often.worker(null, { lockDuration: 100 })
    const poor = await often.queue.add('job', {})
    await gone.getNextJob('token')
    await often.worker(async () => 'never', { stalledInterval: 50, maxStalledCount: 0 })
    await waitFor('its failure', async () => await poor.getState() === 'failed')
    equal((await often.queue.getJob(poor.id)).failedReason, 'job stalled more than allowable limit')
  })

  cases.add('workers go on when the server was away: nothing is lost, nothing is done twice at the end', async context => {
    const relay = await Relay.open(context)
    const direct = await open(context)
    const behind = await open({ ...context, address: relay.address })
    const done = []
    await behind.worker(async job => { done.push(job.data.n) }, { concurrency: 3, stalledInterval: 500, maxStalledCount: 10, drainDelay: 1 },
      direct.name)
    const add = first => direct.queue.addBulk(range(30).map(n => ({ name: 'job', data: { n: first + n } })))
    await add(0)
    await waitFor('the first jobs', () => done.length >= 30)
    await relay.cut()
    await add(100)
    await relay.again()
    await waitFor('the others', async () => (await direct.queue.getJobCounts('completed')).completed === 60)
    equal([...new Set(done)].sort((a, b) => a - b), [...range(30), ...range(30).map(n => 100 + n)])
  })

  return { cases, open, library }
}
