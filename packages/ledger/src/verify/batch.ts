// SPDX-License-Identifier: Apache-2.0

import { type ErrorTable, errorsOf } from '@sealwatch/base/errors'
import { type ChainPosition, extendChain, hostKinds, positionAfter } from './chain.ts'
import type { Epoch } from './epoch.ts'
import { type ReadHead, readHead, verifyHead } from './head.ts'
import { type KeyRecord, type ParsedLine, parseLine } from './line.ts'
import { type Lines, parseLines } from './lines.ts'
import type { Sha256 } from './merkle.ts'
import type { VerifyEd25519 } from './note.ts'

export const batchErrors = {
  BATCH_MALFORMED: {
    kind: 'invalid',
    rule: 'a batch is whole lines of one chain, the last and only the last a head (chain.md, 3.1)',
    advice: 'Send the batch as it was sealed',
  },
} as const satisfies ErrorTable
const batchError = errorsOf(batchErrors)

/** Lines of one chain that hang together and end in a head, whose signature is the caller's to check. */
export type LinkedBatch = Lines & {
  readonly chain: string
  readonly firstSeq: number
  readonly end: ChainPosition
  readonly head: ParsedLine
  /** In which the head stands, as far as the lines before it tell. */
  readonly epoch: Epoch | undefined
}

const newline = 0x0a

/** The head that a batch ends in, before anything else of it is looked at; throws where it ends in none. */
export function lastHead(sha256: Sha256, lines: Uint8Array, attempted: string): ReadHead {
  const end = lines.at(-1) === newline ? lines.length - 1 : lines.length
  const from = lines.lastIndexOf(newline, end - 1) + 1
  return readHead(parseLine(sha256, lines.subarray(from, end), attempted), attempted)
}

/**
 * Parses a batch and follows its chain from `start`; throws on the first line that is out of form or out of place. `known`:
 * its last line, where lastHead read it in these very bytes.
 */
export function linkBatch(
  sha256: Sha256,
  batch: { readonly chain: string; readonly lines: Uint8Array },
  start: ChainPosition,
  linesMax: number,
  known?: ParsedLine,
): LinkedBatch {
  const attempted = `reading a batch of chain ${batch.chain} from line ${start.nextSeq} on`
  const ofHead = (bytes: Uint8Array) => (known !== undefined && isSame(known.bytes, bytes) ? known : undefined)
  const lines = parseLines(sha256, batch.lines, linesMax, attempted, ofHead)
  if (lines.count === 0) throw batchError('BATCH_MALFORMED', { attempted, received: 'no line' })
  const last = lines.count - 1
  const head = lines.lineAt(last)
  let end = start
  let epoch: Epoch | undefined
  for (let i = 0; i < lines.count; i += 1) {
    if (i > 0 && i < last && lines.isNext(i)) continue
    const parsed = i === last ? head : lines.lineAt(i)
    if (i > 0) end = positionAfter(lines.lineAt(i - 1), end.epoch)
    const { line } = parsed
    if (line.chain !== batch.chain)
      throw batchError('BATCH_MALFORMED', { attempted, received: `a line of chain ${line.chain}` })
    if ('head' in line !== (i === last) || !hostKinds.includes(parsed.kind)) {
      throw batchError('BATCH_MALFORMED', {
        attempted,
        received: `line ${line.seq} of a kind that does not belong there`,
      })
    }
    if ('anchor' in line && line.anchor.origin !== null)
      throw batchError('BATCH_MALFORMED', { attempted, received: `line ${line.seq}, an anchor of a ledger` })
    epoch = end.epoch
    end = extendChain(end, parsed, attempted)
  }
  return { ...lines, chain: batch.chain, firstSeq: start.nextSeq, end, head, epoch }
}

const isSame = (one: Uint8Array, other: Uint8Array) =>
  one.buffer === other.buffer && one.byteOffset === other.byteOffset && one.length === other.length

declare const verified: unique symbol
/** A linked batch whose head is signed by a key the verifier accepted. Only `verifyBatch` makes one; ledgers take nothing else. */
export type VerifiedBatch = LinkedBatch & { readonly [verified]: true }

/** `read`: what lastHead made of its head, where it was asked. */
export function verifyBatch(
  sha256: Sha256,
  verify: VerifyEd25519,
  batch: LinkedBatch,
  key: KeyRecord,
  read?: ReadHead,
): VerifiedBatch {
  const attempted = `verifying the head of chain ${batch.chain} at line ${batch.head.seq}`
  const head = read?.parsed === batch.head ? read : readHead(batch.head, attempted)
  verifyHead(sha256, verify, head, key, attempted, batch.epoch)
  return batch as VerifiedBatch
}
