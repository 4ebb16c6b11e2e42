// SPDX-License-Identifier: Apache-2.0

import { isUtf8 } from 'node:buffer'
import { type ErrorTable, errorsOf, isSealwatchError, type SealwatchError } from '@sealwatch/base'
import {
  type FileRef,
  type Observation,
  type OpenSyscall,
  type SensorCounts,
  type SensorHello,
  type SensorMessage,
  type SensorReport,
  type Site,
  sites,
  type Task,
  type TaskRef,
} from './observation.ts'

export type FrameDecoder = {
  /**
   * The messages that this chunk completes. A bad body is skipped and counted; a broken length or hello throws
   * FRAME_LENGTH or FRAME_HELLO, after the messages before it have been returned, and so does every later call.
   */
  push(chunk: Uint8Array): readonly SensorMessage[]
  /** Frames skipped so far. */
  readonly skipped: number
}

const prefixBytes = 4
/** `onSkip` is told of each bad body. */
export function createFrameDecoder(onSkip: (error: SealwatchError) => void = () => undefined): FrameDecoder {
  let rest: Buffer = Buffer.alloc(0)
  let isOpen = false
  let skipped = 0
  let broken: SealwatchError | undefined

  function decodeNext(body: Buffer): SensorMessage | undefined {
    if (!isOpen) {
      const hello = decodeFrame(body)
      if (hello.kind !== 'hello') throw frameError('FRAME_HELLO', { attempted: reading, received: hello.kind })
      isOpen = true
      return hello
    }
    try {
      const message = decodeFrame(body)
      if (message.kind === 'hello') throw frameError('FRAME_HELLO', { attempted: reading, received: 'a second hello' })
      return message
    } catch (error) {
      if (!isSealwatchError(error)) throw error
      skipped++
      onSkip(error)
      return undefined
    }
  }

  function* takeFrames(): Generator<SensorMessage> {
    while (rest.length >= prefixBytes) {
      const length = rest.readUInt32LE(0)
      if (length === 0 || length > frameLimits.bodyBytesMax) {
        throw frameError('FRAME_LENGTH', { attempted: 'reading the stream of the sensor', received: length })
      }
      if (rest.length < prefixBytes + length) return
      const body = rest.subarray(prefixBytes, prefixBytes + length)
      rest = rest.subarray(prefixBytes + length)
      const message = decodeNext(body)
      if (message !== undefined) yield message
    }
  }

  return {
    push(chunk) {
      if (broken !== undefined) throw broken
      rest = rest.length === 0 ? asBuffer(chunk) : Buffer.concat([rest, chunk])
      const messages: SensorMessage[] = []
      try {
        for (const message of takeFrames()) messages.push(message)
      } catch (error) {
        if (!isSealwatchError(error)) throw error
        broken = error
        rest = Buffer.alloc(0)
        if (messages.length === 0) throw error
      }
      return messages
    },
    get skipped() {
      return skipped
    },
  }
}

