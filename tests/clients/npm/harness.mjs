// What the Node.js suites share: cases that print one line each, and checks.
import { isDeepStrictEqual, inspect } from 'node:util'

// Thrown by a case that cannot run here; the message says why.
export class Skip extends Error {}

export class Cases {
  constructor (suite) {
    this.suite = suite
    this.cases = []
  }

  add (name, run) {
    this.cases.push({ name, run })
  }

  // Runs every case, or those whose name contains a word of $CASES, and ends the process.
  async main () {
    const wanted = (process.env.CASES ?? '').split(',')
    const address = process.argv[2]
    let failed = 0
    process.on('unhandledRejection', error => {
      console.log(`FAILED ${this.suite}: unhandled rejection: ${error?.stack ?? error}`)
      process.exit(1)
    })
    for (const { name, run } of this.cases) {
      if (!wanted.some(word => name.includes(word))) continue
      const closers = []
      try {
        await within(`the case`, 90, run({ address, onEnd: close => closers.push(close) }))
        console.log(`ok ${this.suite}: ${name}`)
      } catch (error) {
        if (error instanceof Skip) {
          console.log(`skipped ${this.suite}: ${name}: ${error.message}`)
        } else {
          failed++
          console.log(`FAILED ${this.suite}: ${name}: ${error?.message ?? error}`)
          console.log(`    ${error?.stack?.split('\n').slice(1, 5).join('\n    ')}`)
        }
      }
      for (const close of closers.reverse()) {
        await within('an end', 20, close()).catch(error => console.log(`    closing: ${error.message}`))
      }
    }
    process.exit(failed === 0 ? 0 : 1)
  }
}

export function within (what, seconds, promise) {
  let timer
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${seconds} s`)), seconds * 1000)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

export function equal (actual, expected, what = 'values differ') {
  if (!isDeepStrictEqual(actual, expected)) {
    throw new Error(`${what}: got ${short(actual)}, expected ${short(expected)}`)
  }
}

function short (value) {
  return inspect(value, { breakLength: Infinity, maxArrayLength: 20, maxStringLength: 100, depth: 4 }).slice(0, 300)
}

export async function waitFor (what, condition, seconds = 60) {
  const deadline = Date.now() + seconds * 1000
  for (;;) {
    const result = await condition()
    if (result) return result
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s for ${what}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

// The error that a promise is rejected with; fails when it is not.
export async function rejection (what, promise) {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error(`${what} was not refused`)
}

// A topic or group name that no other case uses.
export function unique (prefix) {
  return `${prefix}-${Math.floor(Math.random() * 2 ** 32).toString(16)}`
}

export const range = count => Array.from({ length: count }, (_, i) => i)
