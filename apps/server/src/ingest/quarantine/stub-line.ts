// SPDX-License-Identifier: Apache-2.0

import { type Ledger, type Line, parseLine, sha256 } from '@sealwatch/ledger'
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
