// SPDX-License-Identifier: Apache-2.0

import { isSealwatchError } from '@sealwatch/base'
import { type Ledger, type Line, parseLine, sha256, tileWidth } from '@sealwatch/ledger'
import { ingestError } from '../errors.ts'

export type StubLine = Extract<Line, { stub: unknown } | { submission_stub: unknown }>
type Lines = Pick<Ledger, 'readChecked'>

export async function lineAt(ledger: Lines, leaf: number, attempted: string): Promise<Line | undefined> {
  const [found] = await ledger.readChecked(leaf, 1)
  return found === undefined ? undefined : parseLine(sha256, found.line, attempted).line
}

/** Throws QUARANTINE_UNKNOWN. */
export async function stubAt(ledger: Lines, leaf: number): Promise<StubLine> {
  const attempted = `reading the stub at leaf ${leaf}`
  const line = await lineAt(ledger, leaf, attempted)
  if (line === undefined || !('stub' in line || 'submission_stub' in line))
    throw ingestError('QUARANTINE_UNKNOWN', { attempted, received: 'no stub' })
  return line
}

/**
 * Of `leaves` in their order: those of one tile are read at once, for each alone costs as much. Those that are not among them
 * are to be read alone: another line of their tile was altered, or they are no stubs.
 */
export async function stubsAt(ledger: Lines, leaves: readonly number[]): Promise<ReadonlyMap<number, StubLine>> {
  const found = new Map<number, StubLine>()
  const wanted = new Set(leaves)
  for (const tile of Map.groupBy(leaves, (leaf) => Math.floor(leaf / tileWidth)).values()) {
    const last = tile.at(-1) as number
    try {
      for (let from = tile[0] as number; from <= last; ) {
        const read = await ledger.readChecked(from, last + 1 - from)
        for (const { index, line: bytes } of read) {
          if (!wanted.has(index)) continue
          const { line } = parseLine(sha256, bytes, `reading the stub at leaf ${index}`)
          if ('stub' in line || 'submission_stub' in line) found.set(index, line)
        }
        if (read.length === 0) break
        from += read.length
      }
    } catch (error) {
      if (!isSealwatchError(error, 'LEDGER_ALTERED')) throw error
    }
  }
  return found
}

export const itemOf = (stub: StubLine): string => ('stub' in stub ? stub.stub.item : stub.submission_stub.item)

/** When its rows came; undefined: lines of a host have it in their item alone. */
export const receiptOf = (stub: StubLine): string | undefined =>
  'submission_stub' in stub ? stub.submission_stub.received_at : undefined
/** Whether a stub says that its rows came at another time than the row of its item does. */
export const isUntimely = (stub: StubLine, { received_at }: { readonly received_at: string | null }): boolean =>
  received_at !== null && (receiptOf(stub) ?? received_at) !== received_at

/** Whether the submission of a stub stands at a leaf. */
export async function isSubmissionAt(ledger: Lines, leaf: number | null, stub: StubLine): Promise<boolean> {
  if (leaf === null || !('submission_stub' in stub)) return false
  const line = await lineAt(ledger, leaf, `reading the submission at leaf ${leaf}`)
  return line !== undefined && 'submission' in line && isSameSubmission(stub.submission_stub, line.submission)
}

type Named = { readonly producer: string; readonly id: string; readonly digest: string }
export const isSameSubmission = (one: Named, other: Named): boolean =>
  one.producer === other.producer && one.id === other.id && one.digest === other.digest
