// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError, type SealwatchError } from '@sealwatch/base'
import { createEqualActs } from './equal-acts.ts'
import { decodeFrame } from './frame-body.ts'
import { frameError, frameLimits } from './frame-errors.ts'
import type { SensorMessage } from './observation.ts'

export type FrameDecoder = {
  /**
   * The messages that this chunk completes, equal acts as one (event.md, 3.20). A bad body is skipped and counted. A broken length, or a connection that
   * does not begin with a good hello, throws a FRAME_ error once the messages before it have been returned; so does
   * every later call.
   */
  push(chunk: Uint8Array): readonly SensorMessage[]
  /** Bad bodies so far. */
  readonly skipped: number
}

type Told = Exclude<SensorMessage, { kind: 'hello' | 'report' }>

const prefixBytes = 4
const empty: Buffer = Buffer.alloc(0)

/** `onSkip` is told of each bad body. */
export function createFrameDecoder(onSkip: (error: SealwatchError) => void = () => undefined): FrameDecoder {
  let rest = empty
  let isOpen = false
  let skipped = 0
  let broken: SealwatchError | undefined

  /** Where the body that begins at `from` ends; undefined while not all of it is there. */
  function endOf(from: number): number | undefined {
    if (rest.length < from) return undefined
    const length = rest.readUInt32LE(from - prefixBytes)
    if (length === 0 || length > frameLimits.bodyBytesMax) {
      throw frameError('FRAME_LENGTH', { attempted: 'reading the length of the next frame', received: length })
    }
    return rest.length < from + length ? undefined : from + length
  }

  function decodeInOrder(body: Buffer): SensorMessage {
    const message = decodeFrame(body)
    if ((message.kind === 'hello') === isOpen) {
      const attempted = isOpen ? 'reading the frames after the hello' : 'reading the first frame'
      throw frameError('FRAME_HELLO', { attempted, received: message.kind })
    }
    isOpen = true
    return message
  }

  function take(messages: SensorMessage[]): void {
    const acts = createEqualActs(rest)
    let taken = 0
    try {
      for (let end = endOf(prefixBytes); end !== undefined; end = endOf(end + prefixBytes)) {
        const from = taken + prefixBytes
        taken = end
        if (isOpen && acts.joins(from, end)) continue
        try {
          messages.push(decodeInOrder(rest.subarray(from, end)))
          acts.begin(from, end, messages.length - 1)
        } catch (error) {
          if (!isOpen || !isSealwatchError(error)) throw error
          skipped++
          onSkip(error)
        }
      }
    } finally {
      for (const { message, times, lastNs } of acts.again())
        messages[message] = { ...(messages[message] as Told), again: { times, lastNs } }
      rest = rest.subarray(taken)
    }
  }

  return {
    push(chunk) {
      if (broken !== undefined) throw broken
      rest =
        rest.length === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length) : Buffer.concat([rest, chunk])
      const messages: SensorMessage[] = []
      try {
        take(messages)
      } catch (error) {
        if (!isSealwatchError(error)) throw error
        broken = error
        rest = empty
        if (messages.length === 0) throw error
      }
      return messages
    },
    get skipped() {
      return skipped
    },
  }
}
