// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { canonicalize, errorsOf, type Json, type JsonObject, rfc3339 } from '@sealwatch/base'
import { leafHashOfText, sha256 } from '../sha256.ts'
import type { ChainPosition } from '../verify/chain.ts'
import { type Body, type Envelope, lineBytesMax, lineErrors, noHash } from '../verify/line.ts'
import { ownVersionOf } from '../verify/line-form.ts'
import { commitmentTo, membersOf, type SideValues, valueAt } from '../verify/personal.ts'

const lineError = errorsOf(lineErrors)

/** An event before it is sealed; the pointers (RFC 6901, from the line's root) lead to values to keep out of the line. */
export type Draft = { readonly event: object; readonly personalPointers: readonly string[]; readonly timeNs: bigint }

export type SealedLine = {
  readonly seq: number
  readonly text: string
  /** Length of the text in UTF-8. */
  readonly bytes: number
  readonly hash: string
}

/**
 * Writes the line that follows `position`, of version 2 where the chain has epochs, of version 3 where its body came with
 * that; the text is canonical. Throws LINE_TOO_LONG.
 */
export function sealLine(chain: string, position: ChainPosition, timeNs: bigint, body: Body): SealedLine {
  const seq = position.nextSeq
  const envelope = {
    chain,
    epoch: position.epoch?.number ?? 0,
    prev: position.tip ?? noHash,
    seq,
    time: rfc3339(timeNs),
    v: position.epoch === undefined ? ownVersionOf(body) : 2,
  } as const
  const text = 'event' in body ? eventLine(envelope, body.event) : canonicalize({ ...envelope, ...body })
  const bytes = Buffer.byteLength(text)
  if (bytes > lineBytesMax)
    throw lineError('LINE_TOO_LONG', { attempted: `sealing line ${seq} of chain ${chain}`, received: `${bytes} bytes` })
  return { seq, text, bytes, hash: leafHashOfText(text) }
}

/** The members in canonical order; none of the envelope's texts needs an escape. */
const eventLine = ({ chain, epoch, prev, seq, time, v }: Envelope, event: JsonObject) =>
  `{"chain":"${chain}","epoch":${epoch},"event":${canonicalize(event)},"prev":"${prev}","seq":${seq},"time":"${time}","v":${v}}`

/** The same of a body of any kind, whose text is canonical. */
export function lineText({ chain, epoch, prev, seq, time, v }: Envelope, kind: string, body: string): string {
  const members = [
    ['chain', `"${chain}"`],
    ['epoch', epoch],
    ['prev', `"${prev}"`],
    ['seq', seq],
    ['time', `"${time}"`],
    ['v', v],
  ] as [string, unknown][]
  // No kind comes behind "v".
  members.splice(
    members.findIndex(([name]) => name > kind),
    0,
    [kind, body],
  )
  return `{${members.map(([name, text]) => `"${name}":${text}`).join()}}`
}

/** The event with commitments in the place of its personal values, and those values beside it. */
export function commitPersonal({ event, personalPointers }: Draft): {
  readonly event: JsonObject
  readonly side?: string
} {
  if (personalPointers.length === 0) return { event: event as JsonObject }
  const side: Record<string, SideValues[string]> = {}
  let line: Json = { event: event as JsonObject }
  for (const pointer of personalPointers) {
    const value = valueAt(line, pointer)
    if (typeof value !== 'string') continue
    const salt = freshSalt()
    side[pointer] = { salt: salt.toHex(), value }
    line = withValue(line, membersOf(pointer), commitmentTo(sha256, salt, value))
  }
  const committed = (line as { event: JsonObject }).event
  return Object.keys(side).length > 0 ? { event: committed, side: canonicalize(side) } : { event: committed }
}

const saltBytes = 16
let salts = randomBytes(0)

/** Drawn many at a time: asking for randomness takes longer than a salt's worth of it. */
function freshSalt(): Uint8Array {
  if (salts.length === 0) salts = randomBytes(256 * saltBytes)
  const salt = salts.subarray(0, saltBytes)
  salts = salts.subarray(saltBytes)
  return salt
}

function withValue(object: Json, [member, ...rest]: readonly string[], value: Json): Json {
  if (member === undefined) return value
  const inner = withValue((object as JsonObject)[member] as Json, rest, value)
  return Array.isArray(object) ? object.with(Number(member), inner) : { ...(object as JsonObject), [member]: inner }
}
