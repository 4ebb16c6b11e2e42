// SPDX-License-Identifier: Apache-2.0

import { Code, ConnectError } from '@connectrpc/connect'

/** A stream of bytes, cut at the envelopes of Connect and gRPC: a byte of flags, four of length, so many of a message. */
export type Envelopes = {
  /** Messages that end in this piece, each in memory of its own. Throws ConnectError. */
  read(piece: Uint8Array): Generator<Uint8Array>
  /** Whether the last piece ended within one. */
  readonly isWithin: boolean
}

const prefixBytes = 5

export function createEnvelopes(messageBytesMax: number): Envelopes {
  const prefix = Buffer.alloc(prefixBytes)
  let message: Uint8Array | undefined
  /** Bytes that are there, of the prefix or of the message after it. */
  let filled = 0

  /** How many bytes of the piece the target took, from `at` on. */
  function fill(target: Uint8Array, piece: Uint8Array, at: number): number {
    const count = Math.min(target.length - filled, piece.length - at)
    target.set(piece.subarray(at, at + count), filled)
    filled += count
    return count
  }

  function begin(): Uint8Array {
    const length = prefix.readUInt32BE(1)
    if (length > messageBytesMax)
      throw new ConnectError(
        `a message of ${length} bytes where ${messageBytesMax} are allowed`,
        Code.ResourceExhausted,
      )
    // One that ends a stream comes from servers alone, and nothing is compressed here.
    if (prefix[0] !== 0) throw new ConnectError(`a message with the flags ${prefix[0]}`, Code.InvalidArgument)
    return new Uint8Array(length)
  }

  return {
    *read(piece) {
      for (let at = 0; ; ) {
        if (message === undefined) {
          at += fill(prefix, piece, at)
          if (filled < prefixBytes) return
          message = begin()
          filled = 0
        }
        at += fill(message, piece, at)
        if (filled < message.length) return
        const whole = message
        message = undefined
        filled = 0
        yield whole
      }
    },
    get isWithin() {
      return message !== undefined || filled > 0
    },
  }
}
