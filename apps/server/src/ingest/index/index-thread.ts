// SPDX-License-Identifier: Apache-2.0

import { Worker } from 'node:worker_threads'
import { messageOf } from '@sealwatch/base'
import { asking } from '../../store/index.ts'
import { ingestError } from '../errors.ts'
import { type IndexPort, newRoom } from './port.ts'
import type { FromIndex, ToIndex } from './thread.ts'

type Done = Extract<FromIndex, { readonly placed: unknown }>

/** A thread that has loaded its code and waits to be told which index it writes. */
export type IndexThread = {
  open(path: string): Promise<IndexPort>
  /** writeAnew, of another database. */
  rewrite(path: string): Promise<void>
  /** Rejects with INDEX_THREAD_ENDED when the thread ends by itself: nothing is indexed any more. */
  readonly failed: Promise<never>
} & AsyncDisposable

/** Young objects of the thread; a piece lies outside of its heap. */
const youngMb = 8

/** Resolves when the thread has loaded all it needs: from then on the process may give up its privileges. */
export async function prepareIndexThread(): Promise<IndexThread> {
  const worker = new Worker(new URL('./thread.ts', import.meta.url), {
    resourceLimits: { maxYoungGenerationSizeMb: youngMb },
  })
  const { promise: failed, reject: tellFailed } = Promise.withResolvers<never>()
  // Whoever asked for something hears of it, too.
  failed.catch(() => undefined)
  const ready = Promise.withResolvers<void>()
  let asked: PromiseWithResolvers<Done>[] = []
  let broken: Error | undefined
  let disposed = false

  function fail(received: string, cause?: unknown): void {
    broken ??= ingestError('INDEX_THREAD_ENDED', { attempted: 'writing the index', received, cause })
    for (const { reject } of [ready, ...asked]) reject(broken)
    asked = []
    tellFailed(broken)
  }

  worker.on('error', (error) => fail(messageOf(error), error))
  worker.on('exit', (code) => {
    if (!disposed) fail(`exit ${code}`)
  })
  worker.on('message', (answer: FromIndex) => {
    if ('ready' in answer) return ready.resolve()
    const due = asked.shift()
    if ('placed' in answer) due?.resolve(answer)
    else due?.reject(Object.assign(new Error(answer.failed), { errcode: answer.errcode }))
  })
  // Bytes are copied, which is simpler than giving them away; measured, it was no slower, and no faster for certain.
  function ask(message: ToIndex): Promise<Done> {
    if (broken !== undefined) return Promise.reject(broken)
    const answer = Promise.withResolvers<Done>()
    asked.push(answer)
    worker.postMessage(message)
    return answer.promise
  }

  await ready.promise
  return {
    failed,
    rewrite: async (path) => void (await ask({ rewrite: path })),
    open: async (path) => {
      await ask({ open: path })
      return {
        room: newRoom(),
        write: async (piece) => (await ask({ piece })).placed,
        forget: async (tenant) => {
          try {
            while ((await ask({ forget: tenant })).isLeft);
            await ask({ scrub: true })
            while ((await ask({ cutLog: true })).isLeft);
          } catch (error) {
            asking(() => {
              throw error
            })
          }
        },
        close: async () => void (await ask({ close: true })),
      }
    },
    [Symbol.asyncDispose]: async () => {
      disposed = true
      await worker.terminate()
    },
  }
}
