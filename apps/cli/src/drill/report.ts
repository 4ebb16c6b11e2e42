// SPDX-License-Identifier: Apache-2.0

import type { SentSubmission } from './decoy-protocol.ts'

export const drillNames = ['strict-signature', 'key-compromise'] as const
export type DrillName = (typeof drillNames)[number]

/** A command, as somebody would type it, and what it said. */
export type Checked = { readonly command: string; readonly output: string }
export type Step = {
  readonly name: string
  readonly outcome: 'passed' | 'failed'
  /** RFC 3339. */
  readonly from: string
  readonly took_ms: number
  readonly found: readonly string[]
  readonly commands: readonly Checked[]
}
/** What became of rows, as the server counts them, from the beginning of the drill on. */
export type RowCounts = {
  readonly received: number
  readonly admitted: number
  readonly quarantined: number
  readonly refused: number
  readonly duplicate: number
}
/** `thief`: whoever has the key that leaked. */
export type Sender = 'decoy' | 'thief'
export type ReportedSubmission = SentSubmission & { readonly sender: Sender }
/** Rows of the ledger that a key has signed, as a run of submissions of one standing. */
export type AffectedRange = {
  readonly key_id: string
  /** `legitimate`: received before the compromise. `suspect`: since; of those some are `forged`: the decoy never sent them. */
  readonly standing: 'legitimate' | 'suspect' | 'forged'
  readonly first_leaf: number
  readonly last_leaf: number
  readonly submissions: number
  readonly rows: number
}

/** docs/formats/drill-report.md, 2. */
export type DrillReport = {
  readonly v: 1
  readonly drill: DrillName
  readonly run: string
  readonly tenant: string
  readonly producer: string
  readonly deployment: string
  readonly version: string
  readonly started: string
  readonly finished: string
  readonly outcome: 'passed' | 'failed'
  /** Why; null: it passed. */
  readonly failure: {
    readonly code: string
    readonly step: string
    readonly rule: string
    readonly found: string
  } | null
  readonly alert: 'not reached' | 'rule present' | 'fired'
  readonly steps: readonly Step[]
  readonly sent: readonly ReportedSubmission[]
  /** Null: not reached, or the server was started anew meanwhile and counts from there. */
  readonly counts: RowCounts | null
  readonly affected: readonly AffectedRange[]
}

export const rowsIn = (sent: readonly Pick<SentSubmission, 'rows'>[]) => sent.reduce((sum, { rows }) => sum + rows, 0)
