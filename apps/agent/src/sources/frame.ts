// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError, type SealwatchError } from '@sealwatch/base'
import { decodeFrame } from './frame-body.ts'
import { frameError, frameLimits } from './frame-errors.ts'
import type { SensorMessage } from './observation.ts'

export type FrameDecoder = {
  /**
   * The messages that this chunk completes. A bad body is skipped and counted. A broken length, or a connection that
   * does not begin with a good hello, throws a FRAME_ error once the messages before it have been returned; so does
   * every later call.
   */
  push(chunk: Uint8Array): readonly SensorMessage[]
  /** Bad bodies so far. */
  readonly skipped: number
}

const prefixBytes = 4
const empty: Buffer = Buffer.alloc(0)

/** `onSkip` is told of each bad body. */
export function createFrameDecoder(onSkip: (error: SealwatchError) => void = () => undefined): FrameDecoder {
  let rest = empty
  let isOpen = false
  let skipped = 0
  let broken: SealwatchError | undefined

  function takeBody(): Buffer | undefined {
    if (rest.length < prefixBytes) return undefined
    const length = rest.readUInt32LE(0)
    if (length === 0 || length > frameLimits.bodyBytesMax) {
      throw frameError('FRAME_LENGTH', { attempted: 'reading the length of the next frame', received: length })
    }
    if (rest.length < prefixBytes + length) return undefined
    const body = rest.subarray(prefixBytes, prefixBytes + length)
    rest = rest.subarray(prefixBytes + length)
    return body
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
    for (let body = takeBody(); body !== undefined; body = takeBody()) {
      try {
        messages.push(decodeInOrder(body))
      } catch (error) {
        if (!isOpen || !isSealwatchError(error)) throw error
        skipped++
        onSkip(error)
      }
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
