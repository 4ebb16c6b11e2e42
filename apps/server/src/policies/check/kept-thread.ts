// SPDX-License-Identifier: Apache-2.0

import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { Worker } from 'node:worker_threads'
import { type Clock, messageOf } from '@sealwatch/base'
import type { Kept, KeptCode, ThreadStart } from './boot.ts'

/** A thread that answers one question at a time. What ends it rejects the question; it answers none after that. */
export type KeptThread = {
  /** Rejects with TooLong when there is no answer after so many milliseconds: the thread is ended. */
  ask(question: unknown, withinMs: number): Promise<unknown>
} & AsyncDisposable

/** Threads of one kind, again and again, from what the first one has loaded. */
export type KeptThreads = { start(): Promise<KeptThread> }

export class TooLong extends Error {}

const startMs = 30_000
/** Of its heap: what asks for more ends the thread, and nothing else. */
const heapMb = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 }

/** `entry`: the module that is the thread. The first start must come before the process gives up its privileges. */
export function keepThreads(entry: URL, clock: Clock): KeptThreads {
  const boot = stripTypeScriptTypes(readFileSync(new URL('./boot.ts', import.meta.url), 'utf8'))
  const from = new URL(`data:text/javascript,${encodeURIComponent(boot)}`)
  let code: KeptCode | undefined
  return {
    start: async () => {
      const begin: ThreadStart = { entry: entry.href, code }
      const thread = openThread(new Worker(from, { workerData: begin, resourceLimits: heapMb }), clock)
      const { kept } = (await thread.next(startMs).catch(notStarted)) as Kept
      code ??= kept
      return thread
    },
  }
}

function notStarted(cause: unknown): never {
  throw new Error(`the thread did not start: ${messageOf(cause)}`, { cause })
}

function openThread(worker: Worker, clock: Clock) {
  const ended = Promise.withResolvers<never>()
  // Whoever asks hears of it.
  ended.promise.catch(() => undefined)
  worker.on('error', ended.reject)
  worker.on('exit', (status) => ended.reject(new Error(`the thread ended with status ${status}`)))

  async function next(withinMs: number): Promise<unknown> {
    const answer = Promise.withResolvers<unknown>()
    const over = new AbortController()
    worker.once('message', answer.resolve)
    const late = clock.sleep(withinMs, over.signal).then((): never => {
      throw new TooLong(`no answer within ${withinMs} ms`)
    })
    late.catch(() => undefined)
    try {
      return await Promise.race([answer.promise, ended.promise, late])
    } catch (error) {
      await worker.terminate()
      throw error
    } finally {
      over.abort()
    }
  }
  return {
    next,
    ask: (question: unknown, withinMs: number) => {
      const answer = next(withinMs)
      worker.postMessage(question)
      return answer
    },
    [Symbol.asyncDispose]: async () => void (await worker.terminate()),
  }
}
