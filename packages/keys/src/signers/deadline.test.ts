// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock } from '@sealwatch/base'
import { within } from './deadline.ts'

/** A clock whose one sleeper the test wakes. */
function stoppedClock(): { readonly clock: Clock; readonly ring: () => void; readonly asked: number[] } {
  const asked: number[] = []
  let wake: (() => void) | undefined
  const sleep: Clock['sleep'] = (ms, stop) => {
    asked.push(ms)
    return new Promise((resolve) => {
      wake = resolve
      stop?.addEventListener('abort', () => resolve(), { once: true })
    })
  }
  return { clock: { ...systemClock, sleep }, ring: () => wake?.(), asked }
}
const of = (clock: Clock, signal = new AbortController().signal) => ({ clock, ms: 7, signal, attempted: 'testing' })

test('what is done in time is passed on, its failure too, and its signal never fires', async () => {
  const { clock, asked } = stoppedClock()
  let given: AbortSignal | undefined
  const result = await within(of(clock), async (signal) => {
    given = signal
    return 5
  })
  assert.deepEqual([result, asked, given?.aborted], [5, [7], false])
  await assert.rejects(
    within(of(clock), () => Promise.reject(new Error('it failed'))),
    { message: 'it failed' },
  )
})

test('what is not done in time is told to stop, and so is who asked', async () => {
  const { clock, ring } = stoppedClock()
  let given: AbortSignal | undefined
  const waiting = within(of(clock), (signal) => {
    given = signal
    return new Promise<never>(() => undefined)
  })
  ring()
  await assert.rejects(waiting, { code: 'SIGNER_UNAVAILABLE', received: '"no answer within 7 ms"' })
  assert.equal(given?.aborted, true)
})

test('whoever asked may stop it, before and meanwhile', async () => {
  const { clock } = stoppedClock()
  const stop = new AbortController()
  const waiting = within(of(clock, stop.signal), () => new Promise<never>(() => undefined))
  stop.abort(new Error('we stop'))
  await assert.rejects(waiting, { message: 'we stop' })
  await assert.rejects(
    within(of(clock, stop.signal), async () => 5),
    { message: 'we stop' },
  )
})
