// SPDX-License-Identifier: Apache-2.0

import { createBell } from '@sealwatch/base'

/**
 * Answers a stream of requests as their answers come, those of one lane (chain) in the order of its requests. At most
 * `inFlightMax` requests are read whose answer the peer has not taken: a peer that does not read is not read from. Nor is
 * one while there is no `room` for what it sends, which a request leaves with its answer, taken or not.
 *
 * `submit` is called in the order of arrival, without waiting for earlier answers. When `ending` fires nothing more is
 * read, what was read is answered, and its reason is thrown. When reading or an answer fails, that error is thrown.
 */
export async function* answersTo<Request, Answer>(options: {
  readonly requests: AsyncIterable<Request>
  readonly laneOf: (request: Request) => string
  readonly submit: (request: Request) => Promise<Answer>
  readonly inFlightMax: number
  readonly room: {
    wait(signal: AbortSignal): Promise<void>
    take(request: NoInfer<Request>): () => void
  }
  readonly ending: AbortSignal
}): AsyncGenerator<Answer> {
  const { requests, laneOf, submit, inFlightMax, room, ending } = options
  const changed = createBell()
  const over = new AbortController()
  const stopped = AbortSignal.any([ending, over.signal])
  const answers: Answer[] = []
  const lanes = new Map<string, Promise<void>>()
  let inFlight = 0
  let reading = true
  let failure: { readonly error: unknown } | undefined

  const fail = (error: unknown) => {
    failure ??= { error }
    over.abort()
  }

  async function read(): Promise<void> {
    const iterator = requests[Symbol.asyncIterator]()
    while (!stopped.aborted) {
      if (inFlight === inFlightMax) {
        await changed.wait(stopped)
        continue
      }
      await room.wait(stopped)
      const next = await unlessAborted(iterator.next(), stopped)
      if (next === undefined || next.done === true) return
      const lane = laneOf(next.value)
      inFlight++
      const leave = room.take(next.value)
      const answered = answerAfter(lanes.get(lane), submit(next.value).finally(leave)).finally(() => {
        if (lanes.get(lane) === answered) lanes.delete(lane)
      })
      lanes.set(lane, answered)
    }
  }

  async function answerAfter(earlier: Promise<void> | undefined, answer: Promise<Answer>): Promise<void> {
    try {
      const [value] = await Promise.all([answer, earlier])
      if (failure === undefined) answers.push(value)
    } catch (error) {
      fail(error)
    }
    changed.ring()
  }

  const reader = read()
    .catch(fail)
    .finally(() => {
      reading = false
      changed.ring()
    })
  try {
    for (;;) {
      const answer = answers.shift()
      if (answer !== undefined) {
        yield answer
        inFlight--
        changed.ring()
      } else if (failure !== undefined) throw failure.error
      else if (!reading && inFlight === 0) break
      else await changed.wait(over.signal)
    }
  } finally {
    over.abort()
    await reader
  }
  if (ending.aborted) throw ending.reason
}

/** The promise's value, or undefined as soon as the signal fires; leaves nothing behind on a signal that lives long. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const giveUp = () => resolve(undefined)
    if (signal.aborted) giveUp()
    signal.addEventListener('abort', giveUp, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp))
  })
}
