// SPDX-License-Identifier: Apache-2.0

import { submissionLimits } from '@sealwatch/contract'

/** As ingest.proto has them: the tags of SubmittedRows that are followed by bytes, and the one that a number follows. */
const ofBytes: readonly number[] = [1, 3, 4, 5, 6, 7].map((field) => (field << 3) | 2)
const ofNumber = (2 << 3) | 0
const submissionTag = (1 << 3) | 2
const ofText: readonly number[] = [1, 4, 5, 6].map((field) => (field << 3) | 2)
/** A byte of flags, and the length of the message. */
const prefixBytes = 5

/**
 * Reads along with the bytes of a Submit call and says what no message of ours has; undefined: nothing so far. Whatever
 * decodes protobuf makes an object of every two bytes that say so: a request of some MiB would fill the memory before
 * anybody counts its submissions. Here nothing is kept.
 */
export function createRequestScan(): (piece: Uint8Array) => string | undefined {
  let expect: 'prefix' | 'submission' | 'submission length' | 'member' | 'member length' | 'number' = 'prefix'
  let left = prefixBytes
  let submissions = 0
  /** Bytes of the submission that are still to come. */
  let inner = 0
  let seen = 0
  let value = 0
  let digits = 0
  /** Of the member whose bytes come. */
  let tag = 0
  const utf8 = new TextDecoder('utf-8', { fatal: true })

  /** Whether bytes of a text go on as UTF-8; the last of them end a character. */
  function isText(bytes: Uint8Array, isLast: boolean): boolean {
    try {
      utf8.decode(bytes, { stream: !isLast })
      return true
    } catch {
      return false
    }
  }

  /** A varint's next byte; undefined: it goes on, or is longer than any of ours. */
  function number(byte: number): number | undefined {
    value += (byte & 0x7f) * 2 ** (7 * digits)
    digits += 1
    return byte < 0x80 ? value : undefined
  }

  function begin(next: typeof expect): void {
    expect = next
    value = 0
    digits = 0
  }

  function read(byte: number): string | undefined {
    switch (expect) {
      case 'submission':
        if (byte !== submissionTag) return 'what is not one message of submissions'
        submissions += 1
        if (submissions > submissionLimits.requestSubmissionsMax) return `more than ${submissions - 1} submissions`
        begin('submission length')
        return undefined
      case 'submission length': {
        const length = number(byte)
        if (length === undefined) return digits > 4 ? 'a length that is none' : undefined
        inner = length
        seen = 0
        begin(inner === 0 ? 'submission' : 'member')
        return undefined
      }
      case 'member':
        if (byte !== ofNumber && !ofBytes.includes(byte)) return 'a submission with a member that is none'
        if ((seen & (1 << (byte >> 3))) !== 0) return 'a submission with a member twice'
        seen |= 1 << (byte >> 3)
        tag = byte
        begin(byte === ofNumber ? 'number' : 'member length')
        break
      case 'number':
        if (number(byte) !== undefined) begin('member')
        else if (digits > 9) return 'a number that is none'
        break
      case 'member length': {
        const length = number(byte)
        if (length === undefined) {
          if (digits > 4) return 'a length that is none'
          break
        }
        if (length > inner - 1) return 'a member that is longer than its submission'
        left = length
        inner -= length
        begin('member')
        break
      }
    }
    inner -= 1
    if (inner > 0 || left > 0) return undefined
    if (expect !== 'member') return 'a submission that ends within a member'
    begin('submission')
    return undefined
  }

  return (piece) => {
    for (let at = 0; at < piece.length; ) {
      if (left > 0) {
        const skipped = Math.min(left, piece.length - at)
        if (expect === 'prefix' && left === prefixBytes && piece[at] !== 0)
          return 'a message with a flag: none is compressed'
        left -= skipped
        if (expect !== 'prefix' && ofText.includes(tag) && !isText(piece.subarray(at, at + skipped), left === 0))
          return 'a text that is not UTF-8'
        at += skipped
        if (left > 0) return undefined
        if (expect === 'prefix' || (expect === 'member' && inner === 0)) begin('submission')
        continue
      }
      const fault = read(piece[at] as number)
      if (fault !== undefined) return fault
      at += 1
    }
    return undefined
  }
}
