// SPDX-License-Identifier: Apache-2.0

import { errorsOf, type SealwatchError } from '@sealwatch/base/errors'
import type { Json } from '@sealwatch/base/json'
import { parseRfc3339 } from '@sealwatch/base/time'
import type { DsseVerifier } from '@sealwatch/keys/dsse'
import { drillErrors } from './drill-errors.ts'
import { type DrillOutcome, type DrillReport, readDrillReport } from './drill-report-form.ts'
import type { Sha256 } from './merkle.ts'
import { openPayload } from './signed-payload.ts'

const drillError = errorsOf(drillErrors)

export const drillStatementType = 'application/vnd.sealwatch.drill.v1+json'

/** What a deployment says of a drill: it was run there, by whom, and this is its report. */
export type DrillStatement = {
  /** `kind:id` of the principal. */
  readonly by: string
  /** Hex SHA-256 of the report. */
  readonly digest: string
  readonly drill: string
  /** Of the deployment's root ledger. */
  readonly origin: string
  readonly outcome: DrillOutcome
  /** The run, as the ledger's line of its beginning names it. */
  readonly run: string
  readonly tenant: string
  /** RFC 3339 in UTC: when it was reported. */
  readonly time: string
  readonly v: 1
}

export type VerifiedDrill = {
  readonly statement: DrillStatement
  /** Hex SHA-256 of the payload: what the ledger's line names. */
  readonly statementDigest: string
  readonly report: DrillReport
  /** Key ids of the trusted keys that signed. */
  readonly signers: readonly string[]
}

const members = ['by', 'digest', 'drill', 'origin', 'outcome', 'run', 'tenant', 'time', 'v']

/** Throws unless one of `trusted` has signed the statement, and the report is the one it names. */
export function openDrillReport(
  sha256: Sha256,
  { envelope, report }: { readonly envelope: Json | undefined; readonly report: string },
  trusted: readonly DsseVerifier[],
  attempted: string,
): VerifiedDrill {
  const unverified = (received: string | undefined, cause?: SealwatchError) =>
    drillError('DRILL_UNVERIFIED', { attempted, received, cause })
  const malformed = (received: string | undefined) => drillError('DRILL_MALFORMED', { attempted, received })
  const form = { type: drillStatementType, members, attempted, unverified, malformed }
  const { fields, payload, signers } = openPayload(envelope, form, trusted)
  const { by, digest, drill, origin, outcome, run, tenant, time } = fields
  const isFormed =
    [by, digest, drill, origin, run, tenant].every(isText) &&
    (outcome === 'passed' || outcome === 'failed') &&
    parseRfc3339(String(time)) !== undefined
  if (!isFormed) throw malformed(JSON.stringify(fields))
  const found = sha256(new TextEncoder().encode(report)).toHex()
  if (found !== digest) throw unverified(`a report whose digest is ${found}, where ${digest} was signed`)
  const statement = fields as unknown as DrillStatement
  return {
    statement,
    statementDigest: sha256(payload).toHex(),
    report: openDrillText(report, statement, attempted),
    signers,
  }
}

/** The report of this drill that a text holds. Throws DRILL_MALFORMED, JSON_…, and DRILL_UNVERIFIED: it is of another drill. */
export function openDrillText(
  text: string,
  of: Pick<DrillStatement, 'drill' | 'outcome' | 'run' | 'tenant'>,
  attempted: string,
): DrillReport {
  const report = readDrillReport(text, attempted)
  const odd = (['drill', 'outcome', 'run', 'tenant'] as const).find((name) => report[name] !== of[name])
  if (odd === undefined) return report
  throw drillError('DRILL_UNVERIFIED', { attempted, received: `a report whose ${odd} is not that of the drill` })
}

const isText = (value: Json | undefined) => typeof value === 'string' && value.length >= 1 && value.length <= 256
