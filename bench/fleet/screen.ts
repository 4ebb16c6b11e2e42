// SPDX-License-Identifier: Apache-2.0

import { Worker } from 'node:worker_threads'
import { systemClock as clock } from '@sealwatch/base'
import type { ApiClient } from '@sealwatch/contract/api'
import type { Child } from '../child.ts'
import type { FromListeners, Order } from '../live-listeners.ts'
import type { Marks } from './agents.ts'

const patienceMs = 120_000
const lookMs = 50

/** Somebody who looks at the alerts, through the live feed. */
export async function lookAtAlerts(api: ApiClient, server: Child) {
  const body = { name: 'bench', actions: ['feed:subscribe'], ttl_seconds: 3600 }
  const { token } = await api.call('createToken', { body })
  const order: Order = { port: Number(new URL(server.api).port), token, count: 1, filter: 'class=finding' }
  const worker = new Worker(new URL('../live-listeners.ts', import.meta.url), { workerData: order })
  const opened = Promise.withResolvers<void>()
  worker.once('error', opened.reject)
  const shown = new Map<string, number>()
  worker.on('message', (message: FromListeners) => {
    if ('opened' in message) opened.resolve()
    else for (const { isAlert, mark, atMs } of message.heard) if (isAlert) shown.set(mark, atMs)
  })
  await opened.promise
  return {
    /** From when each was seen to when it was shown. */
    latenciesMs: async (marks: Marks): Promise<number[]> => {
      const untilMs = performance.now() + patienceMs
      const missing = () => Object.keys(marks).filter((mark) => !shown.has(mark)).length
      while (missing() > 0) {
        if (performance.now() > untilMs) throw new Error(`${missing()} alerts were not shown`)
        await clock.sleep(lookMs)
      }
      return Object.entries(marks).map(([mark, atMs]) => (shown.get(mark) as number) - atMs)
    },
    [Symbol.asyncDispose]: async () => void (await worker.terminate()),
  }
}
