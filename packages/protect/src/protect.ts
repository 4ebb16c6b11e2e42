// SPDX-License-Identifier: Apache-2.0

import { randomInt } from 'node:crypto'
import { createConnection } from 'node:net'
import { emitWarning } from 'node:process'
import { type Clock, idleClock } from '@sealwatch/base/clock'
import { messageOf } from '@sealwatch/base/errors'
import {
  createLines,
  type Done,
  lineOf,
  protocolVersion,
  type Registered,
  readFromGuard,
  readFromService,
  steps as stepNames,
  type Threat,
} from './protocol.ts'
import { createSteps, type Handler } from './steps.ts'

export type ProtectOptions = {
  /** Of the service: 1 to 64 of a-z, 0-9, dot, hyphen, underscore. */
  readonly name: string
  /** The memory of this process was reached for. Called when an attempt begins, becomes graver, is joined by somebody else, and with each order, before its steps. */
  readonly onThreat?: ((threat: Threat) => unknown) | undefined
  /** Wipes keys that are in memory; they are fetched again when needed. */
  readonly evict?: Handler | undefined
  /** Puts new keys in the place of those that may be known. Called once at a time: those who ask meanwhile are answered with it. */
  readonly rotate?: Handler | undefined
  /** The guard has taken the registration, and says what is wrong with this process already. Called again when it is back. */
  readonly onProtected?: ((registered: Registered) => void) | undefined
  /** What a person should know: there is no guard, or it refused. By default a warning of the process. */
  readonly onNotice?: ((text: string) => void) | undefined
  /** Of the guard. */
  readonly socket?: string | undefined
}

export type Protection = {
  /** What the guard said of the registration that stands; undefined while there is none. */
  readonly registered: Registered | undefined
  /** Gives it up: the connection is closed. The process stays registered until it ends. */
  stop(): void
}

/** The guard's socket where Sealwatch has its data in /var/lib/sealwatch. */
export const defaultSocket = '/run/sealwatch/bab5cbf22b2b/guard/protect.sock'

const answerMs = 30_000
const backoffMs = { min: 100, base: 250, max: 30_000 } as const
const unsentMax = 64
const unreadBytesMax = 65_536

/**
 * Registers this process with the guard of its machine, and carries out what that orders when somebody reaches for the
 * memory. Without a guard it says so once and goes on trying. It throws nothing, and keeps no process alive.
 */
export function protect(options: ProtectOptions, clock: Pick<Clock, 'sleep'> = idleClock): Protection {
  const { name, onProtected, socket = defaultSocket } = options
  const onNotice = options.onNotice ?? ((text) => emitWarning(text, { type: 'SealwatchProtect' }))
  const steps = stepNames.filter((step) => options[step] !== undefined)
  const stopping = new AbortController()
  const { signal } = stopping
  const unsent: Done[] = []
  let registered: Registered | undefined
  let send: ((done: Done) => void) | undefined
  let isTold = false

  const carryOut = createSteps(options, (done) => {
    if (send !== undefined) send(done)
    else if (unsent.push(done) > unsentMax) unsent.shift()
  })

  /** One connection, from its beginning to its end; resolves with why it ended. */
  async function converse(): Promise<{ readonly why: string; readonly wasRegistered: boolean }> {
    const ended = Promise.withResolvers<string>()
    const over = new AbortController()
    const connection = createConnection({ path: socket })
    connection.unref().setEncoding('utf8')
    const end = (why: string) => {
      ended.resolve(why)
      connection.destroy()
    }
    const say = (message: Parameters<typeof lineOf>[0]) => {
      if (connection.writableLength > unreadBytesMax) end('the guard does not read')
      else connection.write(lineOf(message))
    }
    const onLine = (line: string) => {
      if (connection.destroyed) return
      const message = readFromGuard(line)
      if (message === undefined) return
      if ('threat' in message) return carryOut(message)
      if (!message.ok) return end(`the guard refuses: ${message.message}`)
      registered = message
      send = say
      isTold = false
      over.abort()
      for (const done of unsent.splice(0)) say(done)
      call(onProtected, message)
    }
    const lines = createLines(onLine)
    connection.on('connect', () => say({ v: protocolVersion, protect: name, steps }))
    connection.on('data', (text: string) => {
      try {
        if (!lines(text)) end('the guard sent a line that is too long')
      } catch (error) {
        end(messageOf(error))
      }
    })
    connection.on('error', (error) => end(error.message))
    connection.on('end', () => end('the guard closed the connection'))
    connection.on('close', () => end('the connection was closed'))
    const stop = () => end('it was given up')
    signal.addEventListener('abort', stop, { once: true })
    void clock.sleep(answerMs, over.signal).then(() => {
      if (registered === undefined) end(`the guard did not answer within ${answerMs} ms`)
    })
    const why = await ended.promise
    signal.removeEventListener('abort', stop)
    over.abort()
    const wasRegistered = registered !== undefined
    registered = undefined
    send = undefined
    return { why, wasRegistered }
  }

  async function run(): Promise<void> {
    // What it would be refused for; it says the rule.
    readFromService(lineOf({ v: protocolVersion, protect: name, steps }))
    for (let failures = 0; !signal.aborted; ) {
      const { why, wasRegistered } = await converse()
      failures = wasRegistered ? 0 : failures + 1
      // Of a guard that is back at once nobody needs to hear.
      if (!wasRegistered && !isTold && !signal.aborted) {
        isTold = true
        call(onNotice, `${name} is not protected for now, and goes on asking the guard at ${socket}: ${why}`)
      }
      await clock.sleep(waitMs(failures), signal)
    }
  }

  run().catch((error: unknown) => call(onNotice, `${name} is not protected: ${messageOf(error)}`))
  return {
    get registered() {
      return registered
    },
    stop: () => stopping.abort(),
  }
}

/** Anywhere below a bound that doubles, so that all services of a machine do not come at once when its guard is back. */
const waitMs = (failures: number): number =>
  backoffMs.min + randomInt(Math.min(backoffMs.max, backoffMs.base * 2 ** Math.min(failures, 10)))

/** What goes wrong in there is the service's own affair. */
function call<T>(told: ((what: T) => void) | undefined, what: T): void {
  try {
    told?.(what)
  } catch {
    // Nothing of ours ends a service.
  }
}
