// SPDX-License-Identifier: Apache-2.0
// How a ledger stands, in words.

import type { Operations } from '@sealwatch/contract/api'
import type { Entry } from './entry.ts'
import { counted } from './words.ts'

export type LedgerState = Operations['getLedger']['answer']
export type Tone = 'good' | 'wait' | 'bad'
export type Standing = {
  readonly tone: Tone
  readonly title: string
  /** Why it is not good. */
  readonly why: string | undefined
}

/** A ledger is good when all of it was vouched for a moment ago, and nothing that was looked at was wrong. */
export function standingOf({ size, signed, published, problem, integrity }: LedgerState): Standing {
  if (integrity?.problem != null)
    return {
      tone: 'bad',
      title: 'Damaged',
      why: `Line ${counted(integrity.problem.leaf)}: ${integrity.problem.text}`,
    }
  if (problem !== null) return { tone: 'bad', title: 'Not vouched for', why: problem }
  if (published === null) return { tone: 'wait', title: 'Not yet proven', why: 'No published checkpoint covers it yet' }
  const open = size - published.size
  if (open > 0)
    return {
      tone: 'wait',
      title: 'Proving',
      why: `${counted(open)} of ${counted(size)} lines wait for the next checkpoint`,
    }
  if (published.root_checkpoint.quorum === 'below')
    return { tone: 'bad', title: 'Witnesses are missing', why: 'Fewer of them cosigned than the policy asks for' }
  return signed === null || signed.size < size
    ? { tone: 'wait', title: 'Proving', why: 'The newest lines wait for a signature' }
    : { tone: 'good', title: 'Proven', why: undefined }
}

/** Of 1: how much of the ledger was walked since the server started. */
export const walked = ({ integrity }: LedgerState): number | undefined =>
  integrity === null ? undefined : integrity.size === 0 ? 1 : integrity.checked / integrity.size

/** How far a line is proven: further than when it was read, where the ledger has gone on since. */
export function proofNow(read: Entry['proof'], leaf: number, ledger: LedgerState | undefined): Entry['proof'] {
  if (leaf < (ledger?.published?.size ?? 0)) return 'published'
  return read === 'durable' && leaf < (ledger?.signed?.size ?? 0) ? 'signed' : read
}
