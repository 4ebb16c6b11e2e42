// SPDX-License-Identifier: Apache-2.0

import { canonicalize, errorsOf, type JsonObject, rfc3339 } from '@sealwatch/base'
import { sha256 } from '../sha256.ts'
import type { ChainPosition } from '../verify/chain.ts'
import type { Epoch } from '../verify/epoch.ts'
import { type Body, lineBytesMax, lineErrors, noHash } from '../verify/line.ts'
import { linkHashesIn } from '../verify/merkle.ts'
import { sealLine } from './seal.ts'

const lineError = errorsOf(lineErrors)

/** Writes lines of one epoch, one behind the other, to where they are written from. */
export type LineWriter = {
  /** Of all that was written. */
  readonly bytes: number
  readonly nextSeq: number
  /** Each throws LINE_TOO_LONG, and has then written nothing. */
  event(event: JsonObject, timeNs: bigint): void
  line(body: Body, timeNs: bigint): void
  /** Leaf hash (hex) of the last line. */
  tip(): string
  /** The lines, newlines included. */
  written(): Uint8Array<ArrayBuffer>
}

/** Of all members but the event; at most so many bytes more than one for each of its characters. */
const envelopeBytesMax = 320
const bytesPerCharacterMax = 3

/**
 * A writer of what follows `start`. A line names the hash of the line before it: that is written into its place once many
 * lines stand there, since hashing them one by one costs twice as much. `room`: memory to write to, while it is enough.
 */
export function createLineWriter(
  chain: string,
  { nextSeq: firstSeq, tip: startTip, epoch }: ChainPosition & { readonly epoch: Epoch },
  room: Buffer<ArrayBuffer>,
): LineWriter {
  const beforeEvent = Buffer.from(`{"chain":"${chain}","epoch":${epoch.number},"event":`)
  const prevPiece = ',"prev":"'
  const beforeSeq = Buffer.from(`${prevPiece}${noHash}","seq":`)
  const ending = createEnding()
  const tip = Uint8Array.fromHex(startTip ?? noHash)
  let out = room
  let at = 0
  let nextSeq = firstSeq
  // Of the lines that do not name the one before them yet: where each begins, ends, and names it.
  let places = new Uint32Array(3 * 1024)
  let open = 0

  function makeRoom(bytes: number): void {
    if (at + bytes <= out.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(at + bytes, out.length * 2))
    out.copy(larger, 0, 0, at)
    out = larger
  }

  function place(from: number, to: number, prevFrom: number): void {
    if (3 * open === places.length) {
      const larger = new Uint32Array(places.length * 2)
      larger.set(places)
      places = larger
    }
    places[3 * open] = from
    places[3 * open + 1] = to
    places[3 * open + 2] = prevFrom
    open += 1
  }

  function settle(): void {
    linkHashesIn(sha256, out, places, open, tip)
    open = 0
  }

  return {
    get bytes() {
      return at
    },
    get nextSeq() {
      return nextSeq
    },
    event(event, timeNs) {
      const text = canonicalize(event)
      makeRoom(text.length * bytesPerCharacterMax + envelopeBytesMax)
      const from = at
      out.set(beforeEvent, from)
      const eventTo = from + beforeEvent.length + out.write(text, from + beforeEvent.length)
      out.set(beforeSeq, eventTo)
      const seqTo = writeCount(out, eventTo + beforeSeq.length, nextSeq)
      out.set(ending(timeNs), seqTo)
      const to = seqTo + endingBytes
      if (to - 1 - from > lineBytesMax) {
        const attempted = `sealing line ${nextSeq} of chain ${chain}`
        throw lineError('LINE_TOO_LONG', { attempted, received: `${to - 1 - from} bytes` })
      }
      place(from, to - 1, eventTo + prevPiece.length)
      at = to
      nextSeq += 1
    },
    line(body, timeNs) {
      settle()
      const { text, bytes, hash } = sealLine(chain, { nextSeq, tip: tip.toHex(), epoch }, timeNs, body)
      makeRoom(bytes + 1)
      at += out.write(`${text}\n`, at)
      tip.setFromHex(hash)
      nextSeq += 1
    },
    tip() {
      settle()
      return tip.toHex()
    },
    written() {
      settle()
      return out.subarray(0, at)
    },
  }
}

/** Decimal digits from `from` on; returns the byte after them. */
function writeCount(bytes: Uint8Array, from: number, count: number): number {
  let to = from + 1
  for (let rest = count; rest >= 10; rest = Math.floor(rest / 10)) to += 1
  writeDigits(bytes, from, to, count)
  return to
}

/** All places from `from` to `to`, with leading zeros. */
function writeDigits(bytes: Uint8Array, from: number, to: number, value: number): void {
  for (let [at, rest] = [to - 1, value]; at >= from; at -= 1) {
    const above = Math.floor(rest / 10)
    bytes[at] = zero + rest - 10 * above
    rest = above
  }
}

const zero = 0x30
const beforeTime = ',"time":"'
/** RFC 3339, without the fraction of a second and what is behind it. */
const secondLength = 20
const endingBytes = beforeTime.length + rfc3339(0n).length + '","v":2}\n'.length

/** Of an event's line, what follows its number; written over by the next call. In one second only the fraction changes. */
function createEnding(): (timeNs: bigint) => Uint8Array {
  const ending = Buffer.alloc(endingBytes)
  const fractionFrom = beforeTime.length + secondLength
  let secondNs: bigint | undefined
  return (timeNs) => {
    let ns = secondNs === undefined ? Number.NaN : Number(timeNs - secondNs)
    if (!(ns >= 0 && ns < 1e9)) {
      ending.write(`${beforeTime}${rfc3339(timeNs)}","v":2}\n`)
      ns = Number(ending.toString('latin1', fractionFrom, fractionFrom + 9))
      secondNs = timeNs - BigInt(ns)
    }
    writeDigits(ending, fractionFrom, fractionFrom + 9, ns)
    return ending
  }
}
