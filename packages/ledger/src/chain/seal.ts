// SPDX-License-Identifier: Apache-2.0

import { randomBytes } from 'node:crypto'
import { canonicalize, type Json, type JsonObject, rfc3339 } from '@sealwatch/base'
import { sha256 } from '../sha256.ts'
import type { ChainPosition } from '../verify/chain.ts'
import { type Body, type Line, lineBytesMax, noHash } from '../verify/line.ts'
import { leafHash } from '../verify/merkle.ts'
import { commitmentTo, type SideValues, valueAt } from '../verify/personal.ts'

/** An event before it is sealed; `personal` points (RFC 6901, from the line's root) at values to keep out of the line. */
export type Draft = { readonly event: JsonObject; readonly personal: readonly string[]; readonly timeNs: bigint }

export type SealedLine = { readonly seq: number; readonly text: string; readonly hash: string; readonly side?: string }

/** Writes the line that follows `position`; the text is canonical. */
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
  return { seq: line.seq, text, hash: leafHash(sha256, Buffer.from(text)).toHex() }
}

/** Seals an event: personal values are replaced by commitments and returned beside the line. */
export function sealDraft(chain: string, position: ChainPosition, draft: Draft): SealedLine {
  const side: Record<string, SideValues[string]> = {}
  let line: Json = { event: draft.event }
  for (const pointer of draft.personal) {
    const value = valueAt(line, pointer)
    if (typeof value !== 'string') continue
    const salt = randomBytes(16)
    side[pointer] = { salt: salt.toString('hex'), value }
    line = withValue(line, pointer.split('/').slice(1), commitmentTo(sha256, salt, value))
  }
  const { event } = line as { event: JsonObject }
  const sealed = sealLine(chain, position, draft.timeNs, { event })
  const fitting =
    Buffer.byteLength(sealed.text) <= lineBytesMax
      ? sealed
      : sealLine(chain, position, draft.timeNs, { event: shorten(event) })
  return Object.keys(side).length > 0 ? { ...fitting, side: canonicalize(side) } : fitting
}

function withValue(object: Json, [member, ...rest]: readonly string[], value: Json): Json {
  if (member === undefined) return value
  const inner = (object as JsonObject)[member] as Json
  return { ...(object as JsonObject), [member]: withValue(inner, rest, value) }
}

const shortenedCharsMax = 1024
const shortenedItemsMax = 16

/** What cannot fit a line keeps its shape: long texts and lists are cut, and the event says so. */
function shorten(event: JsonObject): JsonObject {
  const cut = (value: Json): Json => {
    if (typeof value === 'string')
      return value.length > shortenedCharsMax ? `${value.slice(0, shortenedCharsMax).toWellFormed()}…` : value
    if (Array.isArray(value)) return value.slice(0, shortenedItemsMax).map(cut)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([member, inner]) => [member, cut(inner as Json)]))
  }
  const unmapped = typeof event.unmapped === 'object' ? (event.unmapped as JsonObject) : {}
  return { ...(cut(event) as JsonObject), unmapped: { ...(cut(unmapped) as JsonObject), shortened: true } }
}
