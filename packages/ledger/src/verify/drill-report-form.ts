// SPDX-License-Identifier: Apache-2.0

import { errorsOf } from '@sealwatch/base/errors'
import { type Json, type JsonObject, parseCanonical } from '@sealwatch/base/json'
import { drillErrors } from './drill-errors.ts'
import { type KeyTheft, keyTheft } from './key-theft-report.ts'
import {
  type Check,
  faultOf,
  isCount,
  isHex,
  isObject,
  isOf,
  isOneOf,
  isPrintable,
  isString,
  isText,
  isTime,
  orNull,
} from './shape.ts'

const drillError = errorsOf(drillErrors)

export const drillNames = ['strict-signature', 'key-compromise', 'key-theft'] as const
export type DrillName = (typeof drillNames)[number]
export type DrillOutcome = 'passed' | 'failed'

/** A command, as somebody would type it, and what it said. */
export type TypedCommand = { readonly command: string; readonly output: string }
export type DrillStep = {
  readonly name: string
  readonly outcome: DrillOutcome
  /** RFC 3339. */
  readonly from: string
  readonly took_ms: number
  readonly found: readonly string[]
  readonly commands: readonly TypedCommand[]
}
/** What became of rows, as the server counts them, from the beginning of the drill on. */
export type DrillRowCounts = {
  readonly received: number
  readonly admitted: number
  readonly quarantined: number
  readonly refused: number
  readonly duplicate: number
}
/** A submission as it left, and what the control plane said of it. */
export type ReportedSubmission = {
  /** `thief`: whoever has the key that leaked. */
  readonly sender: 'decoy' | 'thief'
  readonly id: string
  readonly key_id: string
  readonly rows: number
  /** Hex SHA-256 of the payload. */
  readonly digest: string
  /** Hex SHA-256 of the bytes that quarantine keeps of it (submission.md, 7.2). */
  readonly item: string
  readonly outcome: 'admitted' | 'duplicate' | 'quarantined' | 'refused'
  readonly detail: string
  /** When whoever sent it was told. */
  readonly told_at: string
}
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

/** What every report has (docs/formats/drill-report.md, 2). */
type Common = {
  readonly v: 1
  readonly run: string
  readonly tenant: string
  readonly deployment: string
  readonly version: string
  readonly started: string
  readonly finished: string
  readonly outcome: DrillOutcome
  /** Why; null: it passed. */
  readonly failure: {
    readonly code: string
    readonly step: string
    readonly rule: string
    readonly found: string
  } | null
  readonly steps: readonly DrillStep[]
}

/** Of a drill whose decoy sends rows. */
export type RowDrillReport = Common & {
  readonly drill: Exclude<DrillName, 'key-theft'>
  readonly producer: string
  readonly alert: 'not reached' | 'rule present' | 'fired'
  readonly sent: readonly ReportedSubmission[]
  /** Null: not reached, or the server was started anew meanwhile and counts from there. */
  readonly counts: DrillRowCounts | null
  readonly affected: readonly AffectedRange[]
}
export type KeyTheftReport = Common & { readonly drill: 'key-theft' } & KeyTheft
export type DrillReport = RowDrillReport | KeyTheftReport

type ShapeOf<T> = { readonly [K in keyof T]-?: Check }
const listOf = (check: Check) => (value: Json | undefined) => Array.isArray(value) && value.every(check)
const isOutcome = isOneOf(['passed', 'failed'])

const typed: ShapeOf<TypedCommand> = { command: isString, output: isString }
const step: ShapeOf<DrillStep> = {
  name: isText,
  outcome: isOutcome,
  from: isTime,
  took_ms: isCount,
  found: listOf(isString),
  commands: listOf(isOf(typed)),
}
const submission: ShapeOf<ReportedSubmission> = {
  sender: isOneOf(['decoy', 'thief']),
  id: isPrintable,
  key_id: isPrintable,
  rows: isCount,
  digest: isHex(64),
  item: isHex(64),
  outcome: isOneOf(['admitted', 'duplicate', 'quarantined', 'refused']),
  detail: isString,
  told_at: isTime,
}
const counts: ShapeOf<DrillRowCounts> = {
  received: isCount,
  admitted: isCount,
  quarantined: isCount,
  refused: isCount,
  duplicate: isCount,
}
const range: ShapeOf<AffectedRange> = {
  key_id: isPrintable,
  standing: isOneOf(['legitimate', 'suspect', 'forged']),
  first_leaf: isCount,
  last_leaf: isCount,
  submissions: isCount,
  rows: isCount,
}
const failure: ShapeOf<NonNullable<Common['failure']>> = {
  code: isText,
  step: isText,
  rule: isText,
  found: isString,
}
const common: ShapeOf<Common> = {
  v: (value) => value === 1,
  run: isPrintable,
  tenant: isText,
  deployment: isText,
  version: isText,
  started: isTime,
  finished: isTime,
  outcome: isOutcome,
  failure: orNull(isOf(failure)),
  steps: listOf(isOf(step)),
}
const ofRows: ShapeOf<RowDrillReport> = {
  ...common,
  drill: isOneOf(drillNames.filter((name) => name !== 'key-theft')),
  producer: isText,
  alert: isOneOf(['not reached', 'rule present', 'fired']),
  sent: listOf(isOf(submission)),
  counts: orNull(isOf(counts)),
  affected: listOf(isOf(range)),
}
const ofKeyTheft: ShapeOf<KeyTheftReport> = { ...common, drill: isOneOf(['key-theft']), ...keyTheft }

/** The report that a text holds. Throws DRILL_MALFORMED, JSON_MALFORMED, JSON_NOT_CANONICAL. */
export function readDrillReport(text: string, attempted: string): DrillReport {
  const value = parseCanonical(text, attempted)
  const shape = (value as JsonObject).drill === 'key-theft' ? ofKeyTheft : ofRows
  const fault = isObject(value) ? faultOf(value as JsonObject, shape) : 'that it needs, all of them,'
  if (fault !== undefined)
    throw drillError('DRILL_MALFORMED', {
      attempted,
      received: `a report whose member ${fault} is missing, unknown or of another form`,
    })
  const read = value as unknown as DrillReport
  const attacks = read.drill === 'key-theft' ? read.attacks : []
  const isPassed = read.failure === null && [...read.steps, ...attacks].every(({ outcome }) => outcome === 'passed')
  if (isPassed === (read.outcome === 'passed')) return read
  throw drillError('DRILL_MALFORMED', {
    attempted,
    received: `a report of a drill that ${read.outcome}, where its steps say otherwise`,
  })
}
