// What BullMQ does with single jobs: retries, duplicates, removal, locks.
import Redis from 'ioredis'

import { equal, range, rejection, unique, waitFor } from './harness.mjs'
import { endpoint } from './resp_support.mjs'

export function addJobLifecycle ({ cases, open, library: { DelayedError, UnrecoverableError } }) {
  cases.add('retries: fixed, exponential and own backoff, attempts, unrecoverable errors, a retry by hand', async context => {
    const bed = await open(context)
    const tries = new Map()
    await bed.worker(async job => {
      const times = [...(tries.get(job.name) ?? []), Date.now()]
      tries.set(job.name, times)
      if (job.name === 'hopeless') throw new UnrecoverableError('no use')
      if (times.length <= job.data.failures) throw new Error(`failure ${times.length}`)
      return times.length
    }, { concurrency: 5, settings: { backoffStrategy: attempts => attempts * 40 } })
    const jobs = await bed.queue.addBulk([
      { name: 'fixed', data: { failures: 2 }, opts: { attempts: 3, backoff: { type: 'fixed', delay: 60 } } },
      { name: 'exponential', data: { failures: 3 }, opts: { attempts: 5, backoff: { type: 'exponential', delay: 40 } } },
      { name: 'own', data: { failures: 2 }, opts: { attempts: 3, backoff: { type: 'own' } } },
      { name: 'exhausted', data: { failures: 3 }, opts: { attempts: 2, backoff: 10 } },
      { name: 'hopeless', data: {}, opts: { attempts: 9 } }
    ])
    const states = () => Promise.all(jobs.map(job => job.getState()))
    await waitFor('the ends', async () => (await states()).every(state => state === 'completed' || state === 'failed'))
    equal(await states(), ['completed', 'completed', 'completed', 'failed', 'failed'])
    equal(jobs.map(job => tries.get(job.name).length), [3, 4, 3, 2, 1], 'tries')
    const gaps = name => tries.get(name).slice(1).map((time, i) => time - tries.get(name)[i])
    for (const [name, delays] of [['fixed', [60, 60]], ['exponential', [40, 80, 160]], ['own', [40, 80]]]) {
      equal(gaps(name).every((gap, i) => gap >= delays[i] - 5), true, `${name}: ${gaps(name)}`)
    }
    const [exhausted, hopeless] = await Promise.all(jobs.slice(3).map(job => bed.queue.getJob(job.id)))
    equal([exhausted.failedReason, exhausted.attemptsMade, exhausted.stacktrace.length, hopeless.failedReason], ['failure 2', 2, 2, 'no use'])
    await exhausted.retry()
    await waitFor('another failure', () => tries.get('exhausted').length === 3)
    await waitFor('its record', async () => await exhausted.getState() === 'failed')
    await (await bed.queue.getJob(exhausted.id)).retry()
    await waitFor('a success', async () => await exhausted.getState() === 'completed')
    await bed.queue.retryJobs({ state: 'failed', count: 10 })
    await waitFor('the hopeless one again', () => tries.get('hopeless').length === 2)
  })

  cases.add('ids and deduplication: the same is not added twice, until it is done or its time is over', async context => {
    const bed = await open(context)
    await bed.queue.addBulk(range(5).map(n => ({ name: 'job', data: { n }, opts: { jobId: 'once' } })))
    equal([await bed.queue.count(), (await bed.queue.getJob('once')).data], [1, { n: 0 }])
    const first = await bed.queue.add('job', {}, { deduplication: { id: 'x' } })
    const second = await bed.queue.add('job', {}, { deduplication: { id: 'x' } })
    equal([second.id, await bed.queue.getDeduplicationJobId('x'), await bed.queue.count()], [first.id, first.id, 2])
    await bed.queue.add('job', {}, { deduplication: { id: 'brief', ttl: 60 } })
    await bed.queue.add('job', {}, { deduplication: { id: 'brief', ttl: 60 } })
    equal(await bed.queue.count(), 3)
    await waitFor('the end of its time', async () => await bed.queue.getDeduplicationJobId('brief') === null)
    await bed.queue.add('job', {}, { deduplication: { id: 'brief', ttl: 60 } })
    equal(await bed.queue.count(), 4)
    await bed.worker(async () => {})
    await waitFor('all of them', async () => (await bed.queue.getJobCounts('completed')).completed === 4)
    const third = await bed.queue.add('job', {}, { deduplication: { id: 'x' } })
    equal(third.id !== first.id, true, 'a new one after the first is done')
  })

  cases.add('data, logs, pages of jobs, removal, drain, clean, obliterate', async context => {
    const bed = await open(context)
    await bed.queue.addBulk(range(25).map(n => ({ name: 'job', data: { n }, opts: { jobId: `j${n}` } })))
    const job = await bed.queue.getJob('j3')
    await job.updateData({ n: 3, more: ['ü', null, 1.5] })
    await job.log('one')
    await job.log('two')
    equal([(await bed.queue.getJob('j3')).data, (await bed.queue.getJobLogs('j3')).logs], [{ n: 3, more: ['ü', null, 1.5] }, ['one', 'two']])
    equal((await bed.queue.getJobs(['waiting'], 5, 9, true)).map(j => j.id), range(5).map(n => `j${n + 5}`))
    await job.remove()
    equal([await bed.queue.getJob('j3'), await bed.queue.remove('j4'), await bed.queue.count()], [undefined, 1, 23])
    await bed.queue.add('later', {}, { delay: 100_000 })
    await bed.queue.drain()
    equal(await bed.counts('waiting', 'delayed'), [0, 1])
    await bed.queue.drain(true)
    equal(await bed.counts('waiting', 'delayed'), [0, 0])
    await bed.worker(async ({ data }) => { if (data.n % 2) throw new Error('odd') })
    await bed.queue.addBulk(range(20).map(n => ({ name: 'job', data: { n } })))
    await waitFor('the jobs', async () => (await bed.queue.getJobCounts('completed')).completed + (await bed.queue.getJobCounts('failed')).failed === 20)
    equal([(await bed.queue.clean(0, 4, 'completed')).length, (await bed.queue.clean(0, 0, 'failed')).length], [4, 10])
    equal(await bed.counts('completed', 'failed'), [6, 0])
    await bed.queue.pause()
    await bed.queue.add('job', {})
    await bed.queue.obliterate({ force: true })
    const redis = new Redis(endpoint(context.address))
    context.onEnd(() => redis.quit())
    const keys = await redis.keys(`bull:${bed.name}:*`)
    equal(keys.filter(key => !/:(meta|stalled-check|marker|events)$/.test(key)), [])
  })

  cases.add('finished jobs are kept as many, or as long, as said', async context => {
    const bed = await open(context, { defaultJobOptions: { removeOnComplete: 5, removeOnFail: { count: 2 } } })
    const done = []
    await bed.worker(async ({ data }) => { done.push(data.n); if (data.n % 2) throw new Error('odd') })
    await bed.queue.addBulk(range(40).map(n => ({ name: 'job', data: { n } })))
    await waitFor('the jobs', async () => done.length === 40 && await bed.queue.getActiveCount() === 0)
    equal(await bed.counts('completed', 'failed'), [5, 2])
    const gone = await bed.queue.add('job', { n: 0 }, { removeOnComplete: true })
    await waitFor('its end', async () => done.length === 41 && await bed.queue.getJob(gone.id) === undefined)
  })

  cases.add('jobs by hand: taken, locked, extended, finished; a wrong token finishes nothing', async context => {
    const bed = await open(context)
    const worker = await bed.worker(null)
    await bed.queue.addBulk(range(3).map(n => ({ name: 'job', data: { n } })))
    const first = await worker.getNextJob('mine')
    equal([first.data, await first.getState(), await first.extendLock('mine', 60_000)], [{ n: 0 }, 'active', 1])
    const error = await rejection('a wrong token', first.moveToCompleted('x', 'not mine', false))
    equal(error.message.includes('Lock mismatch') || error.message.includes('lock'), true, error.message)
    const fetched = await first.moveToCompleted('value', 'mine')
    equal([await first.getState(), Array.isArray(fetched)], ['completed', true])
    const third = await worker.getNextJob('mine too')
    await third.moveToFailed(new Error('by hand'), 'mine too', false)
    equal([(await bed.queue.getJob(third.id)).failedReason, await bed.queue.getActiveCount()], ['by hand', 1])
    equal(await worker.getNextJob('mine', { block: false }), undefined, 'nothing is left')
  })

  cases.add('a job that waits: moved to later by its processor, without losing an attempt', async context => {
    const bed = await open(context)
    const steps = []
    await bed.worker(async (job, token) => {
      steps.push(job.data.step)
      if (job.data.step < 3) {
        await job.updateData({ step: job.data.step + 1 })
        await job.moveToDelayed(Date.now() + 50, token)
        throw new DelayedError()
      }
      return 'all steps'
    })
    const job = await bed.queue.add('steps', { step: 1 })
    await waitFor('its end', async () => await job.getState() === 'completed')
    equal([steps, (await bed.queue.getJob(job.id)).attemptsMade], [[1, 2, 3], 1])
  })

  cases.add('limits over all workers, names of workers, metrics, a close that waits for what runs', async context => {
    const bed = await open(context)
    await bed.queue.setGlobalConcurrency(2)
    equal(await bed.queue.getGlobalConcurrency(), 2)
    let [running, most, done] = [0, 0, 0]
    const workers = []
    for (const n of range(3)) {
      workers.push(await bed.worker(async ({ data }) => {
        most = Math.max(most, ++running)
        await new Promise(resolve => setTimeout(resolve, data.milliseconds))
        running--
        done++
      }, { concurrency: 5, name: `worker-${n}`, metrics: { maxDataPoints: 60 } }))
    }
    await bed.queue.addBulk(range(20).map(n => ({ name: 'job', data: { milliseconds: 20 } })))
    await waitFor('the jobs', () => done === 20)
    equal(most <= 2, true, `${most} at once`)
    equal((await bed.queue.getMetrics('completed')).meta.count, 20)
    const named = await waitFor('the names', async () => {
      const found = (await bed.queue.getWorkers()).map(worker => worker.rawname)
      return found.length >= 3 && found
    })
    equal(named.some(name => name.includes('worker-1')), true, `${named}`)
    await bed.queue.add('last', { milliseconds: 700 })
    await waitFor('it to run', () => running === 1)
    await Promise.all(workers.map(worker => worker.close()))
    equal([done, running], [21, 0])
  })

  cases.add('1,000 jobs of 2 kB and one of 2 MB', async context => {
    const bed = await open(context)
    let [sum, large] = [0, '']
    await bed.worker(async ({ name, data }) => { name === 'large' ? large = data.text : sum += data.text.length }, { concurrency: 50 })
    const text = unique('x').repeat(300).slice(0, 2000)
    await bed.queue.addBulk(range(1000).map(() => ({ name: 'job', data: { text } })))
    await bed.queue.add('large', { text: text.repeat(1000) })
    await waitFor('the jobs', async () => (await bed.queue.getJobCounts('completed')).completed === 1001)
    equal([sum, large === text.repeat(1000)], [2_000_000, true])
  })
}
