// SPDX-License-Identifier: Apache-2.0

import type { Answers, Ask, FromWorker, ToWorker } from '../worker/messages.ts'
import { workerSource } from '../worker/source.ts'

type Pending = {
  readonly resolve: (answer: never) => void
  readonly reject: (error: Error) => void
  readonly onProgress: ((done: number) => void) | undefined
}

/** Answers to one bundle's questions. `end` stops it wherever it is; what was asked is then never answered. */
export type Caller = {
  call<A extends Ask>(ask: A, onProgress?: (done: number) => void): Promise<Answers[A['ask']]>
  end(): void
}

type TrustedTypes = {
  createPolicy(
    name: string,
    rules: { createScriptURL: (url: string) => string },
  ): { createScriptURL(url: string): string }
}
// The one place where text becomes code: our own worker, which came with the page.
const trustedTypes = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes
const workerUrl = URL.createObjectURL(new Blob([workerSource], { type: 'text/javascript' }))
const allowed = trustedTypes?.createPolicy('sealwatch-worker', {
  createScriptURL: (url) => {
    if (url !== workerUrl) throw new TypeError('only the page’s own worker may be started')
    return url
  },
}) ?? { createScriptURL: (url: string) => url }

export function startWorker(): Caller {
  const worker = new Worker(allowed.createScriptURL(workerUrl), { name: 'verify' })
  const pending = new Map<number, Pending>()
  let lastId = 0
  worker.addEventListener('message', ({ data }: MessageEvent<FromWorker>) => {
    const waiting = pending.get(data.id)
    if (waiting === undefined) return
    if ('progress' in data) {
      waiting.onProgress?.(data.progress)
      return
    }
    pending.delete(data.id)
    if ('failure' in data) waiting.reject(new Error(data.failure))
    else waiting.resolve(data.answer as never)
  })
  worker.addEventListener('error', (event) => {
    for (const { reject } of pending.values()) reject(new Error(event.message || 'the worker could not start'))
    pending.clear()
  })
  return {
    call: (message, onProgress) =>
      new Promise((resolve, reject) => {
        lastId += 1
        pending.set(lastId, { resolve, reject, onProgress })
        worker.postMessage({ id: lastId, message } satisfies ToWorker)
      }),
    end: () => worker.terminate(),
  }
}
