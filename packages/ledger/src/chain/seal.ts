// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { canonicalize, errorsOf, type Json, type JsonObject, rfc3339 } from '@sealwatch/base'
import { sha256 } from '../sha256.ts'
import type { ChainPosition } from '../verify/chain.ts'
import { type Body, type Line, lineBytesMax, lineErrors, noHash } from '../verify/line.ts'
import { leafHash } from '../verify/merkle.ts'
import { commitmentTo, membersOf, type SideValues, valueAt } from '../verify/personal.ts'

const lineError = errorsOf(lineErrors)

/** An event before it is sealed; the pointers (RFC 6901, from the line's root) lead to values to keep out of the line. */
export type Draft = { readonly event: object; readonly personalPointers: readonly string[]; readonly timeNs: bigint }

export type SealedLine = { readonly seq: number; readonly text: string; readonly hash: string; readonly side?: string }

/** Writes the line that follows `position`; the text is canonical. Throws LINE_TOO_LONG. */
export function sealLine(chain: string, position: ChainPosition, timeNs: bigint, body: Body): SealedLine {
  const line: Line = {
    ...body,
    chain,
    epoch: 0,
    prev: position.tip ?? noHash,
    seq: position.nextSeq,
    time: rfc3339(timeNs),
    v: 1,
  }
  const text = canonicalize(line)
  const bytes = Buffer.byteLength(text)
  if (bytes > lineBytesMax)
    throw lineError('LINE_TOO_LONG', {
      attempted: `sealing line ${line.seq} of chain ${chain}`,
      received: `${bytes} bytes`,
    })
  return { seq: line.seq, text, hash: leafHash(sha256, Buffer.from(text)).toHex() }
}

/** Seals an event: personal values are replaced by commitments and returned beside the line. */
export function sealDraft(chain: string, position: ChainPosition, draft: Draft): SealedLine {
  const side: Record<string, SideValues[string]> = {}
  let line: Json = { event: draft.event as JsonObject }
  for (const pointer of draft.personalPointers) {
    const value = valueAt(line, pointer)
    if (typeof value !== 'string') continue
    const salt = randomBytes(16)
    side[pointer] = { salt: salt.toString('hex'), value }
    line = withValue(line, membersOf(pointer), commitmentTo(sha256, salt, value))
  }
  const sealed = sealLine(chain, position, draft.timeNs, line as { event: JsonObject })
  return Object.keys(side).length > 0 ? { ...sealed, side: canonicalize(side) } : sealed
}

function withValue(object: Json, [member, ...rest]: readonly string[], value: Json): Json {
  if (member === undefined) return value
  const inner = withValue((object as JsonObject)[member] as Json, rest, value)
  return Array.isArray(object) ? object.with(Number(member), inner) : { ...(object as JsonObject), [member]: inner }
}
