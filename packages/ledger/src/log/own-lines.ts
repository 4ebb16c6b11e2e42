// SPDX-License-Identifier: Apache-2.0

import { type Clock, canonicalize, errorsOf, rfc3339 } from '@sealwatch/base'
import { lineText } from '../chain/seal.ts'
import { leafHashOfText, sha256 } from '../sha256.ts'
import type { ChainPosition } from '../verify/chain.ts'
import { type Body, type Envelope, type Line, lineErrors, noHash, type ParsedLine, parseLine } from '../verify/line.ts'
import { ownVersionOf } from '../verify/line-form.ts'
import { type Lines, parseLines } from '../verify/lines.ts'

const lineError = errorsOf(lineErrors)

/** A body that a line of the ledger's own chain may have, wherever it comes to stand. */
export type OwnBody = { readonly kind: string; readonly text: string; readonly line: Line }

/** Where the longest line of the ledger's own chain would stand. */
const farthest = { epoch: 0, prev: noHash, seq: Number.MAX_SAFE_INTEGER, time: rfc3339(0n) } as const

/** Reads the body as strictly as whoever reads the ledger. Throws LINE_MALFORMED or LINE_TOO_LONG. */
export function checkBody(chain: string, body: Body, attempted: string): OwnBody {
  const [[kind, value], ...others] = Object.entries(body) as [[string, object], ...unknown[]]
  if (others.length > 0) throw lineError('LINE_MALFORMED', { attempted, received: `${1 + others.length} bodies` })
  const text = canonicalize(value)
  const whole = lineText({ ...farthest, chain, v: ownVersionOf(body) }, kind, text)
  return { kind, text, line: parseLine(sha256, Buffer.from(whole), attempted).line }
}

/** The lines that follow `position`, and where the chain stands then. What was read of a body is not read again. */
export function placeBodies(
  chain: string,
  position: ChainPosition,
  bodies: readonly OwnBody[],
  clock: Clock,
): { readonly lines: Lines; readonly end: ChainPosition } {
  let end = position
  const written = bodies.map(({ kind, text, line }) => {
    const seq = end.nextSeq
    const envelope: Envelope = {
      chain,
      epoch: 0,
      prev: end.tip ?? noHash,
      seq,
      time: rfc3339(clock.nowNs()),
      v: line.v,
    }
    const whole = lineText(envelope, kind, text)
    end = { nextSeq: seq + 1, tip: leafHashOfText(whole) }
    return { envelope, whole, hash: end.tip as string }
  })
  const known = (bytes: Uint8Array, i: number): ParsedLine | undefined => {
    const { kind, line } = bodies[i] as OwnBody
    const { envelope, hash } = written[i] as (typeof written)[number]
    if (kind === 'event') return undefined
    return {
      kind,
      chain,
      seq: envelope.seq,
      epoch: null,
      line: { ...line, ...envelope },
      bytes,
      length: bytes.length,
      hash: Uint8Array.fromHex(hash),
      follows: () => false,
    }
  }
  const ndjson = Buffer.from(written.map(({ whole }) => `${whole}\n`).join(''))
  const lines = parseLines(sha256, ndjson, bodies.length, 'writing lines of the ledger itself', known)
  return { lines, end }
}
