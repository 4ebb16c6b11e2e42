// SPDX-License-Identifier: Apache-2.0

import type { ShipRequest } from '@sealwatch/contract'

/** What is smaller does not weigh on the collector. */
const bytesMin = 64 * 1024

/**
 * Gives back what a message lay in, once it is of no use; V8 would get to know when it next marks the whole heap, for which
 * everybody waits. Only memory that is exactly as long as the message was on the wire, and so holds nothing else: whether
 * Connect reads each into memory of its own (EnvelopeDecoder) need not be believed. Returns whether it was given back.
 */
export function releaseMessage(message: ShipRequest): boolean {
  const { buffer, byteLength } = message.lines
  if (byteLength < bytesMin || !(buffer instanceof ArrayBuffer) || buffer.byteLength !== bytesOf(message)) return false
  buffer.transfer(0)
  return true
}

/** Of the message in protobuf's wire format, its fields in the shortest form: a sender may choose a longer one. */
function bytesOf({ chain, firstSeq, count, lines, side }: ShipRequest): number {
  const sides = side.map(({ seq, values }) => fieldBytes(numberBytes(seq) + fieldBytes(values.length, 1), 0))
  return [
    fieldBytes(Buffer.byteLength(chain), 1),
    numberBytes(firstSeq),
    numberBytes(BigInt(count)),
    fieldBytes(lines.length, 1),
    ...sides,
  ].reduce((sum, bytes) => sum + bytes, 0)
}

/** A field of `length` bytes; one shorter than `lengthMin` is not sent. */
const fieldBytes = (length: number, lengthMin: 0 | 1): number =>
  length < lengthMin ? 0 : 1 + varintBytes(BigInt(length)) + length

const numberBytes = (value: bigint): number => (value === 0n ? 0 : 1 + varintBytes(value))

/** Seven bits a byte. */
const varintBytes = (value: bigint): number => (value < 0x80n ? 1 : 1 + varintBytes(value >> 7n))
